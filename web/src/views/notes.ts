// Notes: chords, sections and every track of a clip's score on a piano roll; edit, hear, paint again.

import "./notes.css";
import type { App, Mounted, View } from "../app";
import type { Clip, Composed, Job, ScoreOfClip, Upload, Words } from "../api";
import { clipUrl } from "../api";
import { el, icon } from "../dom";
import { NotesActions } from "../notes/actions";
import { BeatAxis } from "../notes/axis";
import { brought } from "../notes/brought";
import { chordLane } from "../notes/chordlane";
import { barsOf } from "../notes/chords";
import { composeForm } from "../notes/compose";
import type { Written } from "../notes/doc";
import { ScoreDoc } from "../notes/doc";
import { GRIDS, gridFor } from "../notes/grid";
import { KeptNotes } from "../notes/kept";
import { noteFields, noteList } from "../notes/notelist";
import type { Origin } from "../notes/painting";
import { originOf } from "../notes/painting";
import { PianoRoll } from "../notes/pianoroll";
import { NotesPlayer, OWNER } from "../notes/player";
import { beatRuler } from "../notes/ruler";
import type { Score } from "../notes/score";
import { hasNotes } from "../notes/score";
import { OWNER as STEMS, Stems } from "../notes/stems";
import { trackRow } from "../notes/trackrow";
import { playButton } from "../playbutton";
import { remembered } from "../remembered";
import { SpectrogramView } from "../spectrogram";

const STORED = "notes";
const STORE_MS = 400;
const SPECTROGRAM_HEIGHT = 150;

class Notes implements Mounted {
  private readonly doc = new ScoreDoc();
  private readonly axis = new BeatAxis();
  private readonly player: NotesPlayer;
  private readonly roll: PianoRoll;
  private readonly stems: Stems;
  private readonly spectrogram: SpectrogramView;
  private readonly title = el("h2", { class: "notes-title", "data-testid": "notes-title" });
  private readonly facts = el("span", { class: "muted" });
  private readonly none = el("p", { class: "notes-none muted" });
  private readonly body = el("div", { class: "stack", hidden: true });
  private readonly chordSaid = el("p", { class: "wrong", role: "alert", "data-testid": "chord-wrong" });
  private readonly grid = el("select", { "aria-label": "Grid", "data-testid": "grid" },
    GRIDS.map(({ name, step }) => el("option", { value: step }, name)));
  private readonly undoButton = this.tool("undo", "Undo", () => this.doc.undo());
  private readonly redoButton = this.tool("redo", "Redo", () => this.doc.redo());
  private readonly clipButton: HTMLButtonElement;
  private readonly actions: NotesActions;
  private readonly composing: HTMLDetailsElement;
  private readonly saveButton = el("button", {
    type: "button", class: "button small", disabled: true, "data-testid": "midi-out",
    onclick: () => void this.save(),
  }, icon("download"), "Save MIDI");
  private readonly file = el("input", { type: "file", accept: ".mid,.midi,audio/midi", hidden: true, "data-testid": "midi-in" });
  private origin: Origin | null = null;
  /** Unpainted edits of clips, and a score that no clip plays. */
  private readonly kept = new KeptNotes(remembered.get<unknown>(STORED, null));
  private storing = 0;
  private readonly back = el("button", {
    type: "button", class: "button small", hidden: true, "data-testid": "notes-back",
    onclick: () => this.goBack(),
  });
  private readonly ruler: HTMLElement;
  private loading = 0;
  private showing: Promise<void> = Promise.resolve();
  private unlink: () => void = () => {};

  constructor(root: HTMLElement, private readonly app: App) {
    const { doc } = this;
    this.player = new NotesPlayer(app, doc, () => this.origin?.clip ?? null, () => this.origin?.title ?? "");
    this.composing = el("details", { class: "compose" },
      el("summary", { "data-testid": "compose" }, "Compose notes from words"),
      composeForm(app, ({ composed, request }) => this.composed(composed, request)));
    this.clipButton = playButton(app, {
      label: "Hear the clip", testid: "hear-clip",
      isOn: () => this.origin?.clip != null && app.engine.run.get()?.clip?.id === this.origin.clip.id,
      play: async () => {
        if (this.origin?.clip) await app.playClip(this.origin.clip);
      },
    });
    this.actions = new NotesActions(app, doc, {
      origin: () => this.origin,
      hear: () => this.player.play(),
      painted: (clip, from) => this.painted(clip, from),
    });
    this.stems = new Stems(app, (change) => this.actions.again(change));
    const spectrogram = el("div", { class: "notes-spectrogram" });
    const roll = el("div", { class: "roll-frame" });
    root.append(
      el("div", { class: "row apart notes-head" },
        el("div", { class: "row" }, this.title, this.facts, this.back), this.files()),
      this.composing, this.none, this.body);
    this.roll = new PianoRoll(roll, app, doc, this.axis, {
      grid: () => Number(this.grid.value),
      sample: (track, note) => this.player.sample(track, note),
      heard: (track) => this.player.heard(track),
    });
    this.ruler = beatRuler(doc, this.axis, (beat) => this.seek(beat));
    this.body.append(
      this.toolbar(), trackRow(doc, this.player, () => this.roll.redraw()),
      el("div", { class: "notes-time" },
        spectrogram, this.ruler, chordLane(doc, this.axis, (said) => (this.chordSaid.textContent = said)), roll),
      this.chordSaid,
      noteFields(doc, (track, note) => this.player.sample(track, note)), noteList(doc),
      this.actions.element,
      this.stems.element);
    this.spectrogram = new SpectrogramView(spectrogram, app, {
      height: SPECTROGRAM_HEIGHT, label: "Spectrogram of the clip",
    });
    this.listen(roll);
  }

  private listen(roll: HTMLElement): void {
    const { app, doc } = this;
    const { own, over } = this.kept;
    const clip = app.selected.get();
    doc.now.on(() => this.changed());
    // where it was shown before the page was loaded, it is again
    if (own && over !== undefined && (!clip || clip.id === over)) this.fill(own.origin, own.written);
    else void this.show(clip);
    app.selected.on((chosen) => {
      const isFirst = this.kept.over === chosen?.id && this.origin !== null && !this.origin.clip;
      if (isFirst) this.showBack();
      else this.showing = this.show(chosen);
    });
    brought.on((upload) => {
      if (!upload) return;
      brought.set(null);
      this.openUpload(upload).catch((error: Error) => app.say(error.message, "error"));
    }, { now: true });
    doc.now.on(() => this.storeSoon());
    addEventListener("pagehide", () => this.store());
    this.grid.addEventListener("change", () => this.roll.redraw());
    const resize = () => {
      const beats = doc.score?.facts.n_beats;
      if (beats && roll.clientWidth) this.axis.resize(beats, roll.clientWidth);
    };
    new ResizeObserver(resize).observe(roll);
    doc.now.on(resize);
    app.engine.onTick((seconds) => this.tick(seconds));
    app.engine.run.on(() => this.tick(app.engine.position()));
    this.file.addEventListener("change", () => {
      this.drop([...(this.file.files ?? [])]);
      this.file.value = "";
    });
  }

  /** Of the score as it is shown: itself, and where a note is on the roll. */
  get shownNotes() {
    const { doc, roll, spectrogram } = this;
    return {
      spectrogram,
      get score() {
        return doc.score;
      },
      boxOf: roll.boxOf.bind(roll),
    };
  }

  // What the page asks

  undo(): void {
    this.doc.undo();
  }

  redo(): void {
    this.doc.redo();
  }

  key(event: KeyboardEvent): boolean {
    return document.activeElement === document.body && this.roll.key(event);
  }

  async play(): Promise<void> {
    const clip = this.origin?.clip ?? this.app.selected.get();
    const { engine } = this.app;
    const run = engine.run.get();
    const owner = this.stems.changed ? STEMS : clip && !this.doc.edited.get() ? "clip" : OWNER;
    const paused = run?.owner === owner && (owner === OWNER || run.clip?.id === clip?.id);
    if (paused || this.player.isOn) await engine.resume();
    else if (owner === STEMS) await this.stems.play();
    else if (owner === OWNER) await this.player.play();
    else if (clip) await this.app.playClip(clip);
  }

  /** To a beat of the notes, whether they play or not. */
  private seek(beat: number): void {
    const score = this.doc.score;
    if (!score) return;
    if (!this.player.isOn) this.player.cue();
    this.app.engine.seek((beat * 60) / score.facts.bpm);
  }

  drop(files: File[]): boolean {
    const file = files.find(({ name, type }) => /\.midi?$/i.test(name) || type.includes("midi"));
    if (!file) return false;
    void this.open(file);
    return true;
  }

  // What is shown

  private async show(clip: Clip | null): Promise<void> {
    if (clip && clip.id === this.origin?.clip?.id) return;
    const turn = ++this.loading;
    this.keep();
    if (!clip) return this.empty("Choose a clip that has notes, compose some, or open a MIDI file.");
    if (!clip.has_score) {
      return this.empty(`“${clip.title}” was painted without notes. Clips with stems, chords, a ` +
        "melody or a score have them. Compose some, or open a MIDI file.");
    }
    try {
      const [of, job] = await Promise.all([
        this.app.api.score(clip.id),
        clip.job ? this.app.api.job(clip.job).catch((): Job | null => null) : null,
      ]);
      if (turn !== this.loading) return;
      this.fill(originOf(clip, job), writtenOf(of));
      const kept = this.kept.of(clip.id);
      if (kept) this.doc.replace(kept);
    } catch (error) {
      if (turn === this.loading) this.empty((error as Error).message);
    }
  }

  private keep(): void {
    const written = this.doc.now.get();
    const { origin, kept } = this;
    if (!origin || !written) return;
    if (origin.clip) kept.set(origin.clip.id, this.doc.edited.get() ? written : null);
    else kept.own = { origin, written };
  }

  private storeSoon(): void {
    window.clearTimeout(this.storing);
    this.storing = window.setTimeout(() => this.store(), STORE_MS);
  }

  private store(): void {
    window.clearTimeout(this.storing);
    // while a clip's notes are loaded, nothing is shown that could be kept
    if (this.origin === null && this.app.selected.get() === null) return;
    this.keep();
    this.kept.over = this.origin && !this.origin.clip ? this.app.selected.get()?.id ?? null : undefined;
    remembered.set(STORED, this.kept.stored());
  }

  /** From a score without a clip to the chosen clip's, and from a clip's to the score before. */
  private goBack(): void {
    const clip = this.app.selected.get();
    if (this.origin && !this.origin.clip && clip) return void this.show(clip);
    this.keep();
    const { own } = this.kept;
    if (!own) return;
    this.doc.show(null);
    this.fill(own.origin, own.written);
  }

  private showBack(): void {
    const clip = this.app.selected.get();
    const to = this.origin && !this.origin.clip ? (clip?.has_score ? clip.title : null) : this.kept.own?.origin.title;
    this.back.hidden = !to;
    this.back.textContent = `Back to “${to}”`;
  }

  private empty(sentence: string): void {
    this.origin = null;
    this.none.textContent = sentence;
    this.none.hidden = false;
    this.body.hidden = true;
    this.title.textContent = this.facts.textContent = "";
    if (this.player.isOn) this.app.engine.stop();
    this.doc.show(null);
    this.stems.show(null);
    this.spectrogram.setClip(null);
    this.unlink();
    this.showBack();
  }

  private fill(origin: Origin, written: Written): void {
    if (this.player.isOn) this.app.engine.stop();
    this.unlink();
    this.origin = origin;
    this.none.hidden = true;
    this.body.hidden = false;
    this.title.textContent = origin.title;
    this.actions.show(origin.prompt);
    this.player.mute.clear();
    this.player.solo.clear();
    this.clipButton.hidden = !origin.clip;
    this.spectrogram.element.parentElement!.hidden = !origin.clip;
    this.spectrogram.setClip(origin.clip);
    this.ruler.hidden = !!origin.clip;
    this.doc.show(written);
    this.grid.value = String(gridFor(written.score).step);
    this.stems.show(origin.clip);
    this.axis.fit();
    if (origin.clip) this.unlink = this.axis.follow(this.spectrogram);
    this.showBack();
  }

  private changed(): void {
    const { doc } = this;
    this.undoButton.disabled = !doc.canUndo;
    this.redoButton.disabled = !doc.canRedo;
    const score = doc.score;
    this.saveButton.disabled = !hasNotes(score);
    if (!score) return;
    const { bpm, key, mode, n_beats: beats, beats_per_bar: perBar } = score.facts;
    const bars = beats / perBar;
    const edited = doc.edited.get() ? " · edited" : "";
    this.facts.textContent =
      `${Number(bars.toFixed(2))} ${bars === 1 ? "bar" : "bars"} · ${Number(bpm.toFixed(1))} BPM` +
      `${key ? ` · ${key} ${mode ?? ""}` : ""}${edited}`;
  }

  private tick(seconds: number): void {
    const run = this.app.engine.run.get();
    const clip = this.origin?.clip;
    const own = run?.owner === OWNER || (clip && run?.clip?.id === clip.id);
    const bpm = run?.meter.bpm;
    this.roll.position(own && bpm ? (seconds * bpm) / 60 : null);
  }

  // Controls

  private toolbar(): HTMLElement {
    const draw = el("button", {
      type: "button", class: "button small", "aria-pressed": "false", "data-testid": "draw",
      title: "Press on the roll to draw notes (otherwise a double click does)",
      onclick: () => {
        this.roll.drawing = !this.roll.drawing;
        draw.setAttribute("aria-pressed", String(this.roll.drawing));
      },
    }, "Draw");
    return el("div", { class: "notes-tools row", role: "toolbar", "aria-label": "Notes" },
      playButton(this.app, {
        label: "Hear the notes", testid: "hear-notes", isOn: () => this.player.isOn,
        play: () => this.player.play(),
      }),
      this.clipButton,
      el("span", { class: "tool-gap" }),
      this.undoButton, this.redoButton, draw,
      el("label", { class: "row grid-field" }, el("span", { class: "label" }, "Grid"), this.grid),
      el("span", { class: "label" }, "Transpose"),
      this.tool("minus", "Transpose down by a semitone", () => this.doc.transpose(-1)),
      this.tool("plus", "Transpose up by a semitone", () => this.doc.transpose(1)),
      el("span", { class: "label" }, "Zoom"),
      this.tool("minus", "Zoom out", () => this.axis.zoom(1 / 1.5)),
      this.tool("plus", "Zoom in", () => this.axis.zoom(1.5)),
      this.tool("fit", "Show all", () => this.axis.fit()));
  }

  private tool(name: Parameters<typeof icon>[0], label: string, onclick: () => void): HTMLButtonElement {
    return el("button", {
      type: "button", class: "icon-button small", "aria-label": label, title: label,
      "data-testid": `notes-${label.toLowerCase().replace(/ /g, "-")}`, onclick,
    }, icon(name));
  }

  private files(): HTMLElement {
    return el("div", { class: "row" },
      el("button", { type: "button", class: "button small", onclick: () => this.file.click() }, "Open MIDI"),
      this.file,
      this.saveButton);
  }

  // What is made

  private composed(composed: Composed, request: Words): void {
    ++this.loading;
    this.keep();
    this.composing.open = false;
    const prompt = String(request.prompt);
    this.fill(
      { title: prompt, prompt, clip: null, request: { prompt, seed: request.seed }, inputs: {} },
      writtenOf(composed));
    void this.player.play();
  }

  private async open(file: File): Promise<void> {
    try {
      await this.openUpload(await this.app.api.upload(file, file.name));
    } catch (error) {
      this.app.say((error as Error).message, "error");
    }
  }

  private async openUpload(upload: Upload): Promise<void> {
    const written = writtenOf(await this.app.api.uploadScore(upload.id));
    ++this.loading;
    this.keep();
    const words = (written.score.facts.instruments as string[] | undefined)?.slice(0, 4).join(", ");
    const prompt = words || "drums only";
    this.fill({ title: upload.name, prompt, clip: null, request: {}, inputs: {} }, written);
  }

  private async save(): Promise<void> {
    const clip = this.origin?.clip;
    try {
      const href = clip && !this.doc.edited.get()
        ? clipUrl(clip.id, "mid", { download: true })
        : this.doc.score && `api/uploads/${await this.actions.stored()}.mid?download=1`;
      if (href) el("a", { href, download: "" }).click();
    } catch (error) {
      this.app.say((error as Error).message, "error");
    }
  }

  /** Shows what was painted, unless something else was chosen meanwhile. */
  private async painted(clip: Clip, from: Origin): Promise<void> {
    if (from.clip) this.kept.set(from.clip.id, null);
    if (from !== this.origin) return;
    this.doc.edited.set(false);
    const hadStems = this.stems.isOn;
    this.stems.carryTo(clip);
    this.app.selected.set(clip);
    await this.showing;
    if (this.app.selected.get()?.id !== clip.id) return;
    const hasStems = this.origin?.clip?.id === clip.id && clip.stems.length > 0;
    if (hasStems && (hadStems || this.stems.changed)) await this.stems.play();
    else await this.app.playClip(clip);
  }
}

function writtenOf({ score, chords }: ScoreOfClip): Written {
  return { score: score as unknown as Score, bars: barsOf(chords) };
}

export const view: View = {
  name: "notes",
  title: "Notes",
  mount(root, app) {
    const notes = new Notes(root, app);
    // For tests, beside main.ts's own.
    Object.assign((window as unknown as { riffkit: object }).riffkit, { notes: notes.shownNotes });
    return notes;
  },
};
