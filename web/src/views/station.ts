// The loop station: up to eight clips in time and in tune with each other, mixed and exported.

import "./station.css";
import type { Clip } from "../api";
import type { App, Mounted, View } from "../app";
import { el, icon } from "../dom";
import { factsOf } from "../format";
import { ALL_KEYS, keyName, parseKey } from "../notes/keys";
import { playButton } from "../playbutton";
import { SpectrogramView } from "../spectrogram";
import { Mixer } from "../station/mixer";
import { dbOfGain, gainOfDb } from "../station/mixing";
import type { StationTrack } from "../station/tracks";
import {
  addToStation, changeTrack, LEAST_BPM, makeLoop, MOST_BPM, refusal, removeTrack, semitonesOf, shifted,
  station, tempoOf,
} from "../station/tracks";
import { writeWav } from "../wav";

const QUIETEST_DB = -48;
const LEAST_DB = -30;
const PICTURE_HEIGHT = 56;

interface Row {
  readonly id: string;
  readonly element: HTMLElement;
  readonly meter: HTMLElement;
  readonly playhead: HTMLElement;
  readonly picture: SpectrogramView;
  show(track: StationTrack, at: number): void;
}

class LoopStation implements Mounted {
  private readonly mixer: Mixer;
  private readonly list = el("ol", { class: "list station-tracks" });
  private readonly none = el("p", { class: "muted station-none" },
    "Up to eight clips play here in time and in tune with each other. Choose one, and add it.");
  private readonly facts = el("span", { class: "muted", "data-testid": "station-facts" });
  private readonly tempo = el("input", {
    type: "number", min: LEAST_BPM, max: MOST_BPM, step: "any", "data-testid": "station-bpm",
    "aria-describedby": "station-bpm-wrong",
  });
  private readonly tempoWrong = el("span", {
    class: "wrong small", id: "station-bpm-wrong", role: "alert", "data-testid": "station-bpm-wrong",
  });
  private readonly keys = el("select", { "data-testid": "station-key" },
    el("option", { value: "" }, "As they are"), ALL_KEYS.map((name) => el("option", { value: name }, name)));
  private readonly choice = el("select", { "aria-label": "Clip to add", "data-testid": "station-choice" });
  private readonly add = el("button", {
    type: "button", class: "button", "data-testid": "station-add", onclick: () => void this.addChosen(),
  }, icon("plus"), "Add");
  private readonly save = el("button", {
    type: "button", class: "button", "data-testid": "station-export", onclick: () => void this.export(),
  }, icon("download"), "Export the mix");
  private readonly said = el("p", { class: "note", role: "status", "data-testid": "station-said" });
  private readonly known = new Map<string, Clip>();
  private rows: Row[] = [];

  constructor(root: HTMLElement, private readonly app: App) {
    this.mixer = new Mixer(app, (id) => this.known.get(id), (busy) => {
      this.list.setAttribute("aria-busy", String(busy));
      if (busy) this.said.textContent = "Decoding…";
      else if (this.said.textContent === "Decoding…") this.said.textContent = "";
    });
    root.append(
      el("div", { class: "row apart" },
        el("div", { class: "row" }, el("h2", {}, "Loop station"), this.facts),
        el("div", { class: "row" },
          playButton(app, {
            label: "Play together", testid: "station-play", class: "primary", isOn: () => this.mixer.isOn,
            play: () => this.play(),
          }),
          this.save)),
      el("div", { class: "row station-controls" },
        el("label", { class: "field" }, el("span", { class: "label" }, "Tempo in BPM"), this.tempo, this.tempoWrong),
        el("label", { class: "field" }, el("span", { class: "label" }, "Key"), this.keys),
        el("div", { class: "field grow" }, el("span", { class: "label" }, "Clip"),
          el("div", { class: "row station-add" }, this.choice, this.add))),
      this.said, this.none, this.list);
    this.listen();
  }

  play(): Promise<void> {
    return this.mixer.play();
  }

  shown(): void {
    this.fillChoice();
  }

  private listen(): void {
    const { app } = this;
    this.tempo.addEventListener("change", () => this.tempoTyped());
    this.keys.addEventListener("change", () =>
      station.update((now) => ({ ...now, key: this.keys.value || null })));
    app.clips.on((clips) => {
      for (const clip of clips) if (this.known.has(clip.id)) this.known.set(clip.id, clip);
      this.fillChoice();
    });
    app.selected.on((clip) => this.fillChoice(clip?.id));
    station.on(() => void this.fill());
    app.engine.onTick((seconds) => this.tick(seconds));
    app.engine.run.on(() => this.tick(app.engine.position()));
    app.engine.playing.on(() => this.tick(app.engine.position()));
    this.fillChoice();
    void this.fill();
  }

  /** What can't be a tempo is said at the field, which keeps it; the station goes on as it was. */
  private tempoTyped(): void {
    try {
      // a number field has no value where its text is no number
      const bpm = tempoOf(this.tempo.validity.badInput ? "?" : this.tempo.value);
      this.tempo.removeAttribute("aria-invalid");
      this.tempoWrong.textContent = "";
      station.update((now) => ({ ...now, bpm }));
    } catch (error) {
      this.tempo.setAttribute("aria-invalid", "true");
      this.tempoWrong.textContent = (error as Error).message;
    }
  }

  /** Shows what stands on the station; clips that are gone leave it. */
  private async fill(): Promise<void> {
    const missing = station.get().tracks.filter(({ clip }) => !this.known.has(clip));
    if (missing.length) {
      const found = await Promise.all(missing.map(({ clip }) => this.app.clip(clip).catch(() => null)));
      for (const clip of found) if (clip) this.known.set(clip.id, clip);
      const tracks = station.get().tracks.filter(({ clip }) => this.known.has(clip));
      if (tracks.length < station.get().tracks.length) return station.update((now) => ({ ...now, tracks }));
      // The mixer was told of the track before its clip was known.
      return station.update((now) => ({ ...now }));
    }
    const now = station.get();
    this.none.hidden = now.tracks.length > 0;
    this.save.disabled = now.tracks.length === 0;
    const isTyped = document.activeElement === this.tempo || this.tempo.hasAttribute("aria-invalid");
    if (!isTyped) this.tempo.value = now.bpm === null ? "" : String(now.bpm);
    const own = this.mixer.bpm;
    this.tempo.placeholder = own ? String(Number(own.toFixed(2))) : "";
    this.keys.value = now.key ?? "";
    this.facts.textContent = this.factsText();
    this.fillRows(now.tracks);
  }

  private factsText(): string {
    const first = this.known.get(station.get().tracks[0]?.clip ?? "");
    if (!first || !this.mixer.bpm) return "";
    const bars = this.mixer.beats / first.beats_per_bar;
    return `${Number(bars.toFixed(2))} ${bars === 1 ? "bar" : "bars"} together · ` +
      `${Number(this.mixer.bpm.toFixed(1))} BPM`;
  }

  private fillRows(tracks: readonly StationTrack[]): void {
    const same = tracks.length === this.rows.length &&
      tracks.every((track, at) => this.rows[at]!.id === track.clip);
    if (!same) {
      this.rows.forEach((row) => row.picture.destroy());
      this.rows = tracks.map((track, at) => this.row(this.known.get(track.clip)!, at));
      this.list.replaceChildren(...this.rows.map((row) => row.element));
    }
    tracks.forEach((track, at) => this.rows[at]!.show(track, at));
  }

  private row(clip: Clip, at: number): Row {
    const named = `${clip.title}, track ${at + 1}`;
    const toggle = (what: "mute" | "solo") => el("button", {
      type: "button", class: "button small", "aria-label": `${what === "mute" ? "Mute" : "Solo"} ${named}`,
      "data-testid": `loop-${at + 1}-${what}`,
      onclick: () => changeTrack(at, { [what]: !station.get().tracks[at]![what] }),
    }, what === "mute" ? "Mute" : "Solo");
    const [mute, solo] = [toggle("mute"), toggle("solo")];
    const level = el("input", {
      type: "range", min: LEAST_DB, max: 6, step: 0.5, "aria-label": `Level of ${named} in dB`,
      "data-testid": `loop-${at + 1}-gain`,
      oninput: () => changeTrack(at, { db: Number(level.value) }),
    });
    const db = el("output", { class: "mono small" });
    const step = (by: number, said: string) => el("button", {
      type: "button", class: "icon-button small", "aria-label": `${said} ${named} by a semitone`,
      "data-testid": `loop-${at + 1}-${by < 0 ? "down" : "up"}`,
      onclick: () => changeTrack(at, { shift: shifted(station.get().tracks[at]!.shift, by) }),
    }, icon(by < 0 ? "minus" : "plus"));
    const semitones = el("output", { class: "mono small", "data-testid": `loop-${at + 1}-semitones` });
    const tuned = el("span", { class: "muted small" });
    const meter = el("div", { class: "meter-fill" });
    const playhead = el("div", { class: "loop-playhead", hidden: true });
    const frame = el("div", { class: "loop-picture" });
    const picture = new SpectrogramView(frame, this.app, {
      clip, compact: true, height: PICTURE_HEIGHT, label: `Spectrogram of ${named}`,
    });
    frame.append(playhead);
    const element = el("li", { class: "loop", "data-testid": `loop-${at + 1}` },
      frame,
      el("div", { class: "loop-what" },
        el("strong", {}, clip.title), tuned,
        clip.loop ? null : el("span", { class: "note" },
          "Not made as a loop: its seam may be heard. ",
          el("button", {
            type: "button", class: "link", onclick: () => void makeLoop(this.app, clip),
          }, "Make a loop"))),
      el("div", { class: "row loop-controls" },
        mute, solo,
        el("span", { class: "loop-level" }, level, db),
        el("span", { class: "loop-shift" }, step(-1, "Lower"), semitones, step(1, "Raise")),
        el("button", {
          type: "button", class: "icon-button small quiet", "aria-label": `Remove ${named}`,
          "data-testid": `loop-${at + 1}-remove`, onclick: () => removeTrack(at),
        }, icon("close"))),
      el("div", { class: "meter", "aria-hidden": "true" }, meter));
    const show = (track: StationTrack) => {
      mute.setAttribute("aria-pressed", String(track.mute));
      solo.setAttribute("aria-pressed", String(track.solo));
      if (document.activeElement !== level) level.value = String(track.db);
      db.textContent = `${Number(dbOfGain(gainOfDb(track.db)).toFixed(1))} dB`.replace("-", "−");
      const by = semitonesOf(clip, track, station.get().key);
      semitones.textContent = by === 0 ? "0 st" : `${by > 0 ? "+" : "−"}${Math.abs(by)} st`;
      tuned.textContent = [factsOf(clip), by ? `plays in ${movedKey(clip, by)}` : ""].filter(Boolean).join(" → ");
    };
    return { id: clip.id, element, meter, playhead, picture, show };
  }

  /** `wanted` is what was chosen elsewhere; else it stays. */
  private fillChoice(wanted = this.choice.value): void {
    const chosen = this.app.selected.get();
    const all = this.app.clips.get();
    const clips = chosen && !all.some(({ id }) => id === chosen.id) ? [chosen, ...all] : all;
    this.choice.replaceChildren(...clips.map((clip) =>
      el("option", { value: clip.id },
        `${clip.title} · ${factsOf(clip)}${refusal(clip) ? " · not a loop" : ""}`)));
    if (clips.some(({ id }) => id === wanted)) this.choice.value = wanted;
    else if (chosen) this.choice.value = chosen.id;
    this.add.disabled = clips.length === 0;
  }

  private async addChosen(): Promise<void> {
    if (!this.choice.value) return;
    try {
      const clip = await this.app.clip(this.choice.value);
      this.known.set(clip.id, clip);
      addToStation(this.app, clip);
    } catch (error) {
      this.app.say((error as Error).message, "error");
    }
  }

  private tick(seconds: number): void {
    const on = this.mixer.isOn;
    const bpm = this.app.engine.run.get()?.meter.bpm;
    for (const [at, row] of this.rows.entries()) {
      const beats = this.known.get(row.id)?.beats;
      row.playhead.hidden = !on || !bpm || !beats;
      if (on && bpm && beats) {
        row.playhead.style.left = `${((((seconds * bpm) / 60) % beats) / beats) * 100}%`;
      }
      const db = Math.max(QUIETEST_DB, dbOfGain(Math.max(1e-6, this.mixer.level(at))));
      row.meter.style.transform = `scaleX(${Math.min(1, 1 - db / QUIETEST_DB)})`;
      row.meter.classList.toggle("hot", db > -1);
    }
  }

  private async export(): Promise<void> {
    this.save.disabled = true;
    this.said.textContent = "Mixing…";
    try {
      const mix = await this.mixer.mix();
      if (!mix) {
        this.said.textContent = "Nothing is heard: all tracks are muted.";
        return;
      }
      const bytes = writeWav({ rate: mix.rate, channels: mix.channels });
      const href = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
      el("a", { href, download: this.fileName(mix.beats, mix.bpm) }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
      this.said.textContent = mix.gain < 1
        ? `Saved, all of it ${Math.abs(dbOfGain(mix.gain)).toFixed(1)} dB quieter so that its peak is −1 dBFS.`
        : "Saved.";
    } catch (error) {
      this.said.textContent = "";
      this.app.say((error as Error).message, "error");
    } finally {
      this.save.disabled = false;
    }
  }

  /** "Loop station_112bpm_Am_4bars.wav", as clips are named. */
  private fileName(beats: number, bpm: number): string {
    const { key, tracks } = station.get();
    const perBar = this.known.get(tracks[0]!.clip)!.beats_per_bar;
    const named = key ? `_${key.replace(" minor", "m").replace(" major", "")}` : "";
    return `Loop station_${Number(bpm.toFixed(2))}bpm${named}_${Number((beats / perBar).toFixed(2))}bars.wav`;
  }
}

function movedKey(clip: Clip, semitones: number): string {
  const key = clip.key ? parseKey(clip.key) : null;
  if (!key) return `${semitones > 0 ? "+" : "−"}${Math.abs(semitones)} semitones`;
  return keyName({ ...key, tonic: (key.tonic + semitones + 24) % 12 });
}

export const view: View = {
  name: "station",
  title: "Loop station",
  mount: (root, app) => new LoopStation(root, app),
};
