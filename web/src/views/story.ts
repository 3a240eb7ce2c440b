// Story: prompts at bars, and minutes of music that go from one to the next.

import "../story/story.css";
import type { App, Mounted, View } from "../app";
import type { Clip, Task } from "../api";
import { el, icon, type IconName } from "../dom";
import { taskForm, type TaskForm } from "../fields";
import { placeOf } from "../place";
import { presentClip } from "../play_first";
import { remembered } from "../remembered";
import { saveAs } from "../save";
import { SpectrogramView } from "../spectrogram";
import { Draft } from "../story/draft";
import { type KeyframePanel, keyframePanel } from "../story/keyframe_panel";
import { isBlank, keptOf, storedOf } from "../story/kept";
import { type Making, making } from "../story/making";
import { type Keyframe, requestOf, type Story as Written, storyOf } from "../story/script";
import { type ThemeChoice, themeChoice } from "../story/theme";
import { beatsPerBar, type Layout, TimelineView } from "../story/timeline";
import { toToml, withThemeClip } from "../story/toml";

const SHOWN = ["bars", "bpm", "key", "phrase_bars", "loop"];
const STORED = "story";

export const view: View = { name: "story", title: "Story", mount: (root, app) => new Story(root, app) };

class Story implements Mounted {
  /** The clip that the address names where the page was loaded for its story. */
  private readonly named = placeOf(location.hash);
  private readonly before = keptOf(remembered.get<unknown>(STORED, null));
  private readonly draft = new Draft(() => this.changed(), (story) => this.fill(story), this.before?.story);
  private form: TaskForm | null = null;
  /** What was made, and of which story and theme. */
  private made: { clip: Clip; of: string } | null = null;

  private readonly timeline: TimelineView;
  private readonly stage = el("div", { class: "stage" });
  private readonly picture: SpectrogramView;
  private readonly panel: KeyframePanel;
  private readonly theme: ThemeChoice;
  private readonly making: Making;
  private readonly options = el("div");
  private readonly ofClip = el("button", {
    type: "button", class: "button", hidden: true, "data-testid": "story-of-clip",
    onclick: () => void this.openClip(),
  }, "Open the chosen clip's story");
  private readonly undoButton = button("undo", "Undo (Ctrl+Z)", "story-undo", () => this.undo());
  private readonly redoButton = button("redo", "Redo (Ctrl+Shift+Z)", "story-redo", () => this.redo());
  private readonly file = el("input", {
    type: "file", accept: ".toml,text/plain", hidden: true, "aria-label": "Open a script", "data-testid": "script-file",
    onchange: () => this.fileChosen(),
  });

  constructor(root: HTMLElement, private readonly app: App) {
    this.timeline = new TimelineView({
      choose: (index) => this.draft.choose(index),
      add: (bar) => this.add(bar),
      move: (index, bar, isDone) => {
        this.draft.change({ bar }, isDone, index);
        return this.draft.chosen;
      },
      remove: (index) => this.remove(index),
      edit: () => this.panel.focus(),
    });
    this.picture = new SpectrogramView(this.stage, app, { label: "The story as it was made", height: 260 });
    this.panel = keyframePanel({
      change: (values, isDone) => this.change(values, isDone),
      remove: () => this.remove(this.draft.chosen),
    });
    this.theme = themeChoice(app, () => this.changed());
    this.theme.set(this.before?.theme ?? null);
    this.making = making(app, () => void this.make());
    this.stage.append(this.making.preview, el("p", { class: "note" }, "What is made appears here, below its keyframes."));
    root.append(this.layout());
    app.tasks.on((tasks) => this.describe(tasks.find((task) => task.name === "story")), { now: true });
    this.picture.window.on(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.stage);
    app.selected.on((clip) => this.chosen(clip), { now: true });
    void this.restore();
  }

  /** The clip that was made of the story before the page was loaded. */
  private async restore(): Promise<void> {
    const { made } = this.before ?? {};
    const clip = made && (await this.app.clip(made.clip).catch(() => null));
    if (!clip || this.made) return;
    this.made = { clip, of: made.of };
    this.picture.setClip(clip);
    this.chosen(this.app.selected.get());
    this.draw();
  }

  /** A story's clip offers its keyframes; at once where the address asks for it and none are written. */
  private chosen(clip: Clip | null): void {
    const isOther = clip?.task === "story" && clip.job !== null && clip.id !== this.made?.clip.id;
    this.ofClip.hidden = !isOther;
    const isNamed = this.named?.view === "story" && this.named.clip === clip?.id;
    if (isOther && isNamed && isBlank(this.draft.story)) void this.openClip(true);
  }

  /** By itself it takes nothing's place that was written meanwhile. */
  private async openClip(byItself = false): Promise<void> {
    const clip = this.app.selected.get();
    if (!clip?.job) return;
    try {
      const { task, request, inputs } = await this.app.api.job(clip.job);
      if (task !== "story" || this.app.selected.get()?.id !== clip.id) return;
      if (byItself && !isBlank(this.draft.story)) return;
      this.theme.set(inputs.theme ?? null);
      this.draft.open(storyOf(request));
      this.made = { clip, of: this.signature() };
      this.picture.setClip(clip);
      this.ofClip.hidden = true;
      this.making.say("");
      this.changed();
    } catch (error) {
      this.making.say((error as Error).message);
    }
  }

  private layout(): HTMLElement {
    const whole = el("section", { class: "panel stack whole", "aria-label": "The whole story" });
    whole.append(el("h2", {}, "The whole story"), this.theme.element, this.options);
    return el(
      "div",
      { class: "stack" },
      this.tools(),
      el("p", { class: "note" }, "Click the timeline to add a prompt at a bar, and drag it to move it. Hold Alt for beats."),
      el("div", { class: "score" }, this.timeline.element, this.stage),
      this.making.element,
      el("div", { class: "beside" }, this.panel.element, whole),
    );
  }

  private tools(): HTMLElement {
    const wide = (name: IconName, label: string, testid: string, run: () => void): HTMLElement =>
      el("button", { type: "button", class: "button", "data-testid": testid, onclick: run }, icon(name), label);
    return el(
      "div",
      { class: "row" },
      wide("plus", "Add a keyframe", "keyframe-add", () => this.addBehind()),
      this.undoButton, this.redoButton,
      el("span", { class: "grow" }),
      this.ofClip,
      wide("upload", "Open a script", "script-open", () => this.file.click()),
      wide("download", "Save the script", "script-save", () => void this.save()),
      this.file,
    );
  }

  // What the page asks

  undo(): void {
    this.draft.undo();
  }

  redo(): void {
    this.draft.redo();
  }

  shown(): void {
    this.draw();
  }

  async play(): Promise<void> {
    const clip = this.made?.clip ?? this.app.selected.get();
    if (clip && this.app.engine.run.get()?.clip?.id === clip.id) await this.app.engine.resume();
    else if (clip) await this.app.playClip(clip);
  }

  drop(files: File[]): boolean {
    const script = files.find((one) => one.name.toLowerCase().endsWith(".toml"));
    if (script) void this.open(script);
    return script !== undefined;
  }

  // The whole story

  private describe(task: Task | undefined): void {
    if (task === undefined || this.form !== null) return;
    const keyframes = task.fields.find((field) => field.type === "keyframes");
    this.panel.setFields(keyframes?.fields ?? []);
    this.form = taskForm(task, { shown: SHOWN });
    this.fill(this.draft.story);
    this.options.replaceChildren(this.form.element);
    this.form.onChange(() => this.optionsChanged());
    this.form.element.addEventListener("change", () => this.draft.commit());
    this.draw();
  }

  private fill({ options, bars, loop }: Written): void {
    this.form?.clear();
    this.form?.set({ ...options, bars, loop });
  }

  private optionsChanged(): void {
    const { bars, loop, ...others } = this.form!.values();
    const length = Math.round(Number(bars));
    this.draft.setOptions(length >= 1 ? length : this.draft.story.bars, loop === true, others);
  }

  private async make(): Promise<void> {
    this.draft.commit();
    this.app.engine.wake();
    const of = this.signature();
    const theme = this.theme.get();
    try {
      const clip = await this.making.run(requestOf(this.draft.story), theme ? { theme } : {});
      if (clip === null) return;
      this.made = { clip, of };
      this.picture.setClip(clip);
      this.app.selected.set(clip);
      this.changed();
      await presentClip(this.app, clip);
    } catch (error) {
      const { message } = error as Error;
      this.making.say(this.form?.wrong(message) ? "" : message);
    }
  }

  // Keyframes

  private add(bar: number): void {
    this.draft.add(bar);
    this.panel.focus();
  }

  /** Behind the chosen keyframe: halfway to the next one, or to the end. */
  private addBehind(): void {
    const { story, chosen, frame } = this.draft;
    const middle = (frame.bar + (story.keyframes[chosen + 1]?.bar ?? story.bars)) / 2;
    const bar = this.timeline.free(middle, false) ?? this.timeline.free(middle, true);
    if (bar !== null) this.add(bar);
  }

  private change(values: Partial<Keyframe>, isDone: boolean): void {
    const { bar: wanted, ...others } = values;
    const bar = wanted === undefined ? null : this.timeline.free(wanted, true, this.draft.chosen);
    this.draft.change(bar === null ? others : { ...others, bar }, isDone);
  }

  private remove(index: number): void {
    const isGone = this.draft.remove(index);
    this.making.say(isGone ? "" : "A story needs at least one keyframe.");
    if (isGone) this.timeline.focus();
  }

  // Scripts

  private fileChosen(): void {
    const file = this.file.files?.[0];
    if (file) void this.open(file);
    this.file.value = "";
  }

  private async open(file: File): Promise<void> {
    try {
      const { request, inputs } = await this.app.api.script(withThemeClip(await file.text()));
      this.theme.set(inputs.theme ?? null);
      this.draft.open(storyOf(request));
      this.making.say("");
    } catch (error) {
      this.making.say((error as Error).message);
    }
  }

  private async save(): Promise<void> {
    try {
      const text = toToml(this.draft.story, await this.theme.inScript());
      saveAs(new Blob([text], { type: "application/toml" }), "story.toml");
    } catch (error) {
      this.making.say((error as Error).message);
    }
  }

  // Drawing

  private changed(): void {
    this.draw();
    const { draft: { story }, made } = this;
    const kept = { story, theme: this.theme.get(), made: made && { clip: made.clip.id, of: made.of } };
    remembered.set(STORED, storedOf(kept));
  }

  private draw(): void {
    const { draft, made, picture, stage } = this;
    this.timeline.draw(draft.story, draft.chosen, this.bars());
    this.panel.show(draft.frame, 1 / beatsPerBar(draft.story));
    this.undoButton.disabled = !draft.canUndo;
    this.redoButton.disabled = !draft.canRedo;
    stage.classList.toggle("unmade", made === null);
    stage.classList.toggle("stale", made !== null && made.of !== this.signature());
    const { x, y, width, height } = picture.plot;
    Object.assign(this.making.preview.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }

  /** Bars lie where the spectrogram below has them; without one, the story fills the width. */
  private bars(): Layout {
    const { plot, columns } = this.picture;
    const { bars } = this.draft.story;
    if (this.made?.clip.bars !== bars) {
      return {
        xOf: (bar) => plot.x + (bar / bars) * plot.width,
        barAt: (x) => ((x - plot.x) / plot.width) * bars,
      };
    }
    return {
      xOf: (bar) => this.picture.xOf((bar / bars) * columns),
      barAt: (x) => (this.picture.columnAt(x) / columns) * bars,
    };
  }

  private signature(): string {
    return JSON.stringify([requestOf(this.draft.story), this.theme.get()]);
  }
}

function button(name: IconName, title: string, testid: string, run: () => void): HTMLButtonElement {
  return el(
    "button",
    { type: "button", class: "icon-button", title, "aria-label": title, "data-testid": testid, onclick: run },
    icon(name),
  );
}
