// Paint: mark a part of a clip on its spectrogram, and make only that anew.

import "../paint/paint.css";
import type { App, Mounted, View } from "../app";
import type { Clip, Job, Words } from "../api";
import { el } from "../dom";
import { openFile } from "../drop/panel";
import { type EditPanel, editPanel } from "../paint/edit_panel";
import { type KeptStrip, keptStrip } from "../paint/kept_strip";
import { invitation } from "../paint/invitation";
import { KeptMasks } from "../paint/kept";
import { KEEP, Mask, REGENERATE } from "../paint/mask";
import { maskToPng, pngToMask } from "../paint/mask_png";
import { MaskLayer } from "../paint/mask_layer";
import { type Numbers, numbers } from "../paint/numbers";
import type { Rect } from "../paint/rect";
import { editRequest } from "../paint/request";
import { type Results, results } from "../paint/results";
import { FIRST, isBrush, resized, type Settings, TOOLS } from "../paint/settings";
import { readout } from "../paint/spans";
import { SplitImage } from "../paint/split_image";
import { type Toolbar, toolbar } from "../paint/toolbar";
import { isOver, runningEdit, Work } from "../paint/work";
import { remembered } from "../remembered";
import { saveAs } from "../save";
import { SpectrogramView } from "../spectrogram";
import { type Signal, signal } from "../state";

const MOST_WORKS = 8; // whose masks are remembered when another clip is chosen
const COUNT_MS = 250; // after a change, until what is marked is counted

export const view: View = { name: "paint", title: "Paint", mount: (root, app) => new Paint(root, app) };

class Paint implements Mounted {
  private readonly settings: Signal<Settings> = signal(FIRST);
  private readonly works: Work[] = [];
  private readonly masks = new KeptMasks(remembered.get("paint-masks", null));
  private work: Work | null = null;
  private offs: (() => void)[] = [];
  private counting = 0;

  private readonly stage = el("div", { class: "stage" });
  private readonly marked = el("p", { class: "marked mono", "data-testid": "selection" });
  private readonly share = el("p", { class: "only-read", role: "status" });
  private readonly nothing: HTMLElement;
  private readonly all: HTMLElement;
  private readonly picture: SpectrogramView;
  private readonly split: SplitImage;
  private readonly layer: MaskLayer;
  private readonly toolbar: Toolbar;
  private readonly numbers: Numbers;
  private readonly edit: EditPanel;
  private readonly results: Results;
  private readonly kept: KeptStrip;

  constructor(root: HTMLElement, private readonly app: App) {
    this.picture = new SpectrogramView(this.stage, app, { label: "The clip, and what is marked on it", dims: false });
    this.split = new SplitImage(this.stage, app, this.picture);
    this.layer = new MaskLayer(this.picture, this.settings);
    this.toolbar = toolbar(this.settings, {
      undo: () => this.undo(),
      redo: () => this.redo(),
      invert: () => this.invert(),
      clear: () => this.work && this.fill(this.work.mask.whole, KEEP),
      download: () => void this.download(),
      load: (file) => void this.load(file),
    });
    this.numbers = numbers((rect, adds) => {
      this.fill(rect, adds ? REGENERATE : KEEP);
      this.describe(rect);
    });
    this.edit = editPanel(app, (values, count) => void this.run(values, count));
    this.results = results(app, {
      show: (clip) => this.work?.shown.set(clip),
      keep: (clip) => this.keep(clip),
      split: (share) => this.split.show(share),
    });
    this.kept = keptStrip(app, (clip) => this.goOnWith(clip));
    this.nothing = invitation(app);
    this.all = this.layout();
    root.append(this.nothing, this.all);
    this.listen();
  }

  private layout(): HTMLElement {
    const made = el("div", { class: "stack" }, this.results.element, this.kept.element);
    return el(
      "div",
      { class: "stack" },
      this.toolbar.element, this.stage, this.marked, this.share, this.numbers.element,
      el("div", { class: "beside" }, this.edit.element, made),
    );
  }

  private listen(): void {
    const { app, picture } = this;
    picture.addLayer(this.layer);
    this.split.addLayer(this.layer);
    this.layer.onSelecting = (rect) => rect && this.describe(rect);
    this.settings.on(({ tool }) => this.stage.classList.toggle("paints", tool !== "seek"), { now: true });
    picture.axes.on((axes) => {
      if (!this.work || !axes) return;
      this.numbers.setClip(this.work.base.get(), axes);
      this.count();
    });
    app.jobs.on((jobs) => {
      const id = this.work?.job.get()?.id;
      const job = jobs.find((one) => one.id === id);
      if (job) this.work!.job.set(job);
    });
    app.selected.on((clip) => this.choose(clip), { now: true });
    addEventListener("pagehide", () => this.remember());
  }

  // What the page asks

  undo(): void {
    this.work?.undo();
  }

  redo(): void {
    this.work?.redo();
  }

  shown(): void {
    this.picture.redraw();
  }

  async play(): Promise<void> {
    const clip = this.work?.shown.get();
    if (clip && this.app.engine.run.get()?.clip?.id === clip.id) await this.app.engine.resume();
    else if (clip) await this.hear(clip);
  }

  drop(files: File[]): boolean {
    const picture = files.find((file) => file.type === "image/png");
    if (this.work === null || picture === undefined) return false;
    void this.dropped(this.work, picture);
    return true;
  }

  key(event: KeyboardEvent): boolean {
    if (this.work === null) return false;
    const pressed = event.key.toLowerCase();
    const tool = TOOLS.find((one) => one.key === pressed);
    if (tool) this.set({ tool: tool.name });
    else if (/^[[\]]$/.test(pressed) && isBrush(this.settings.get())) {
      this.set({ size: resized(this.settings.get().size, pressed === "]" ? 1 : -1) });
    } else if (pressed === "m") this.set({ showsMask: !this.settings.get().showsMask });
    else if (pressed === "i") this.invert();
    else if (pressed === "c") this.results.toggle();
    else if (/^[0-9]$/.test(pressed) && this.work.candidates.length > 0) this.results.choose(Number(pressed));
    else return false;
    return true;
  }

  // The clip

  private choose(clip: Clip | null): void {
    const isCandidate = this.work?.candidates.some((one) => one.id === clip?.id);
    if (clip !== null && this.work?.has(clip)) this.work.keep(clip);
    else if (clip === null || !isCandidate) this.setWork(clip);
  }

  private setWork(clip: Clip | null): void {
    this.remember();
    this.offs.forEach((off) => off());
    this.offs = [];
    const work = clip && (this.works.find((one) => one.has(clip)) ?? this.begun(clip));
    if (work && !this.works.includes(work)) this.works.push(work);
    if (this.works.length > MOST_WORKS) this.works.shift();
    this.work = work;
    this.nothing.hidden = work !== null;
    this.all.hidden = work === null;
    this.picture.setClip(work?.shown.get() ?? null);
    for (const part of [this.layer, this.results, this.kept]) part.setWork(work);
    this.split.show(0);
    if (work) this.follow(work);
  }

  /** With the mask that was painted on it before the page was loaded. */
  private begun(clip: Clip): Work {
    const { width, height } = clip.image;
    return new Work(clip, this.masks.of(clip.id, width, height) ?? new Mask(width, height));
  }

  private follow(work: Work): void {
    if (work.job.get() === null) work.job.set(runningEdit(work.base.get(), this.app.jobs.get()));
    const busy = (job: Job | null): void => this.edit.setBusy(job !== null && !isOver(job));
    this.offs = [
      work.base.on((base) => {
        this.split.setClip(base);
        if (this.app.selected.get()?.id !== base.id) this.app.selected.set(base);
      }),
      work.shown.on((shown) => this.see(shown)),
      work.job.on(busy, { now: true }),
      work.onMask(() => this.changed()),
    ];
    this.split.setClip(work.base.get());
    this.changed();
    this.count();
  }

  /** Another clip is seen, at the same place and zoom; and heard, on the next downbeat. */
  private see(clip: Clip): void {
    const place = this.picture.window.get();
    this.picture.setClip(clip);
    this.picture.window.set(place);
    const heard = this.app.engine.playing.get() ? this.app.engine.run.get()?.clip : null;
    if (heard && heard.id !== clip.id && this.work?.knows(heard)) void this.hear(clip);
  }

  private async hear(clip: Clip): Promise<void> {
    const { engine } = this.app;
    await engine.clipRun(clip).then((run) => engine.switchTo(run)).catch(this.say);
  }

  private keep(clip: Clip): void {
    const was = clip.kept;
    const mark = (kept: boolean): void => void this.app.keep(clip, kept || was).catch(this.say);
    this.goOnWith(clip, mark);
    this.split.show(0);
    mark(true);
  }

  private goOnWith(clip: Clip, mark?: (kept: boolean) => void): void {
    if (this.work?.fits(clip)) this.work.keep(clip, mark);
    else this.app.selected.set(clip); // of another size: with a mask of its own
    this.changed();
  }

  // The mask

  private set(values: Partial<Settings>): void {
    this.settings.update((old) => ({ ...old, ...values }));
  }

  private fill(rect: Rect, value: number): void {
    this.work?.draw(rect, () => this.work!.mask.fill(rect, value));
  }

  private invert(): void {
    this.work?.draw(this.work.mask.whole, () => this.work!.mask.invert());
  }

  private changed(): void {
    const history = this.work?.history;
    this.toolbar.setUndo(history?.canUndo ?? false, history?.canRedo ?? false);
    clearTimeout(this.counting);
    this.counting = setTimeout(() => (this.remember(), this.count()), COUNT_MS);
  }

  private remember(): void {
    if (this.work === null) return;
    this.masks.set(this.work.base.get().id, this.work.mask);
    remembered.set("paint-masks", this.masks.stored());
  }

  private count(): void {
    if (this.work === null) return;
    const { mask } = this.work;
    this.share.textContent = `${(100 * mask.share).toFixed(1)} % of the image is marked.`;
    const { bounds } = mask;
    if (bounds) return this.describe(bounds);
    this.numbers.show(mask.whole);
    this.marked.textContent = "Drag over the image to mark what to regenerate; with Shift, to keep.";
  }

  private describe(rect: Rect): void {
    const axes = this.picture.axes.get();
    if (this.work === null || axes === null) return;
    this.marked.textContent = readout(rect, this.work.base.get(), axes);
    this.numbers.show(rect);
  }

  private async download(): Promise<void> {
    if (this.work) saveAs(await maskToPng(this.work.mask), `${this.work.base.get().title} mask.png`);
  }

  private async load(file: File): Promise<void> {
    const work = this.work!;
    await pngToMask(file, work.mask.width, work.mask.height)
      .then((mask) => work.lay(mask))
      .catch(this.say);
  }

  /** A picture that is dropped on this view may be a mask. */
  private async dropped(work: Work, file: File): Promise<void> {
    const mask = await pngToMask(file, work.mask.width, work.mask.height).catch(() => null);
    if (mask?.looksPainted) work.lay(mask);
    else openFile(this.app, file);
  }

  // The edit

  private async run(values: Words, count: number): Promise<void> {
    if (this.work === null) return;
    this.edit.setBusy(true);
    try {
      await this.submit(this.work, values, count);
    } catch (error) {
      this.edit.say((error as Error).message);
      this.edit.setBusy(false);
    }
  }

  private async submit(work: Work, values: Words, count: number): Promise<void> {
    const base = work.base.get();
    const axes = this.picture.axes.get() ?? (await this.app.api.axes(base.id));
    const { request, mask } = editRequest(work.mask, values, base, axes);
    const inputs: Record<string, string> = { clip: `clip:${base.id}` };
    if (mask) inputs.mask = `upload:${(await this.app.api.upload(await maskToPng(work.mask), "mask.png")).id}`;
    work.shown.set(base);
    const job = await this.app.submit("edit", request, inputs, count);
    work.job.set(job);
    const over = await this.app.whenDone(job.id);
    const isStillBase = work.shown.get().id === base.id && work.job.get()?.id === job.id;
    if (over.clips[0] && isStillBase) work.shown.set(over.clips[0]);
  }

  private readonly say = (error: Error): void => this.app.say(error.message, "error");
}
