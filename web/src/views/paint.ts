// Paint: mark a part of a clip on its spectrogram, and make only that anew.

import "../paint/paint.css";
import type { App, Mounted, View } from "../app";
import type { Clip, Words } from "../api";
import { el } from "../dom";
import { openButton, openFile } from "../drop/panel";
import { editPanel } from "../paint/edit_panel";
import { keptStrip } from "../paint/kept_strip";
import { KEEP, REGENERATE } from "../paint/mask";
import { maskToPng, pngToMask } from "../paint/mask_png";
import { MaskLayer } from "../paint/mask_layer";
import { numbers } from "../paint/numbers";
import type { Rect } from "../paint/rect";
import { editRequest } from "../paint/request";
import { results } from "../paint/results";
import { FIRST, resized, type Settings, TOOLS } from "../paint/settings";
import { readout } from "../paint/spans";
import { SplitImage } from "../paint/split_image";
import { toolbar } from "../paint/toolbar";
import { Work } from "../paint/work";
import { saveAs } from "../save";
import { SpectrogramView } from "../spectrogram";
import { signal } from "../state";

const MOST_WORKS = 8; // whose masks are remembered when another clip is chosen

export const view: View = { name: "paint", title: "Paint", mount };

function mount(root: HTMLElement, app: App): Mounted {
  const settings = signal<Settings>(FIRST);
  const works: Work[] = [];
  let work: Work | null = null;
  let offs: (() => void)[] = [];
  let counting = 0;

  const stage = el("div", { class: "stage" });
  const picture = new SpectrogramView(stage, app, { label: "The clip, and what is marked on it" });
  const split = new SplitImage(stage, app, picture);
  const layer = new MaskLayer(picture, settings);
  picture.addLayer(layer);
  split.addLayer(layer);
  const status = el("p", { class: "marked mono", "data-testid": "selection" });
  const share = el("p", { class: "only-read", role: "status" });

  const bar = toolbar(settings, {
    undo: () => work?.undo(),
    redo: () => work?.redo(),
    invert: () => work?.draw(work.mask.whole, () => work!.mask.invert()),
    clear: () => work?.draw(work.mask.whole, () => work!.mask.fill(work!.mask.whole, KEEP)),
    download: () => void download(),
    load: (file) => void load(file),
  });
  const byNumbers = numbers((rect, adds) => {
    work?.draw(rect, () => work!.mask.fill(rect, adds ? REGENERATE : KEEP));
    describe(rect);
  });
  const edit = editPanel(app, (values, count) => void run(values, count));
  const found = results(app, { show, keep, split: (share) => split.show(share) });
  const kept = keptStrip(app, (clip) => work && go(clip));
  const nothing = el(
    "div",
    { class: "panel stack nothing" },
    el("h2", {}, "No clip is chosen"),
    el("p", {}, "Make one, choose one from the library, or drop a sound on the page."),
    el(
      "div",
      { class: "row" },
      el("a", { class: "button", href: "#make" }, "Make a clip"),
      el("a", { class: "button", href: "#library" }, "Open the library"),
      openButton(app),
    ),
  );
  const all = el(
    "div",
    { class: "stack" },
    bar.element, stage, status, share, byNumbers.element,
    el("div", { class: "beside" }, edit.element, el("div", { class: "stack" }, found.element, kept.element)),
  );
  root.append(nothing, all);

  settings.on(({ tool }) => stage.classList.toggle("paints", tool !== "seek"), { now: true });
  layer.onSelecting = (rect) => {
    if (rect !== null) describe(rect);
  };
  app.selected.on((clip) => choose(clip), { now: true });
  picture.axes.on((axes) => {
    if (work && axes) byNumbers.setClip(work.base.get(), axes);
  });
  app.jobs.on((jobs) => {
    const id = work?.job.get()?.id;
    const job = jobs.find((one) => one.id === id);
    if (job) work!.job.set(job);
  });

  function choose(clip: Clip | null): void {
    if (clip !== null && work?.has(clip)) {
      work.keep(clip);
      return;
    }
    if (clip !== null && work?.candidates.some((one) => one.id === clip.id)) return;
    offs.forEach((off) => off());
    work = clip === null ? null : (works.find((one) => one.has(clip)) ?? new Work(clip));
    if (work && !works.includes(work)) works.push(work);
    if (works.length > MOST_WORKS) works.shift();
    nothing.hidden = work !== null;
    all.hidden = work === null;
    status.textContent = "";
    picture.setClip(work?.shown.get() ?? null);
    for (const part of [layer, found, kept]) part.setWork(work);
    split.show(0);
    if (work === null) return;
    const now = work;
    attach(now);
    offs = [
      now.base.on((base) => {
        split.setClip(base);
        if (app.selected.get()?.id !== base.id) app.selected.set(base);
      }),
      now.shown.on((shown) => seen(shown)),
      now.job.on((job) => edit.setBusy(job?.state === "queued" || job?.state === "running")),
      now.onMask(() => marked()),
    ];
    split.setClip(now.base.get());
    undoable();
    count();
  }

  /** An edit of this clip that already runs, as after the page was loaded again. */
  function attach(now: Work): void {
    if (now.job.get() !== null) return;
    const isOurs = (job: { task: string; inputs: Record<string, string>; state: string }): boolean =>
      job.task === "edit" && job.inputs.clip === `clip:${now.base.get().id}` &&
      (job.state === "queued" || job.state === "running");
    now.job.set(app.jobs.get().find(isOurs) ?? null);
  }

  /** Another clip is seen, at the same place and zoom; and heard, on the next downbeat. */
  function seen(clip: Clip): void {
    const place = picture.window.get();
    picture.setClip(clip);
    picture.window.set(place);
    const playing = app.engine.playing.get() ? app.engine.run.get()?.clip : null;
    if (playing && playing.id !== clip.id && isOurs(playing)) void play(clip);
  }

  function isOurs(clip: Clip): boolean {
    return work !== null && (work.has(clip) || work.candidates.some((one) => one.id === clip.id));
  }

  async function play(clip: Clip): Promise<void> {
    try {
      await app.engine.switchTo(await app.engine.clipRun(clip));
    } catch (error) {
      app.say((error as Error).message, "error");
    }
  }

  async function resume(clip: Clip): Promise<void> {
    if (app.engine.run.get()?.clip?.id === clip.id) await app.engine.resume();
    else await play(clip);
  }

  function show(clip: Clip): void {
    work?.shown.set(clip);
  }

  function keep(clip: Clip): void {
    go(clip);
    split.show(0);
    app.keep(clip, true).catch((error: Error) => app.say(error.message, "error"));
  }

  function go(clip: Clip): void {
    if (work?.fits(clip)) work.keep(clip);
    else app.selected.set(clip); // of another size: with a mask of its own
    undoable();
  }

  function undoable(): void {
    bar.setUndo(work?.history.canUndo ?? false, work?.history.canRedo ?? false);
  }

  function marked(): void {
    undoable();
    clearTimeout(counting);
    counting = window.setTimeout(count, 250);
  }

  function count(): void {
    const percent = (100 * (work?.mask.share ?? 0)).toFixed(1);
    share.textContent = `${percent} % of the image is marked.`;
    if (work?.mask.isEmpty) status.textContent = "Drag over the image to mark what to regenerate; with Shift, to keep.";
  }

  function describe(rect: Rect): void {
    const axes = picture.axes.get();
    if (work && axes) {
      status.textContent = readout(rect, work.base.get(), axes);
      byNumbers.show(rect);
    }
  }

  async function run(values: Words, count: number): Promise<void> {
    const axes = picture.axes.get();
    if (work === null || axes === null) return;
    const now = work;
    const base = now.base.get();
    edit.setBusy(true);
    try {
      const { request, mask } = editRequest(now.mask, values, base, axes);
      const inputs: Record<string, string> = { clip: `clip:${base.id}` };
      if (mask) inputs.mask = `upload:${(await app.api.upload(await maskToPng(now.mask), "mask.png")).id}`;
      now.shown.set(base);
      now.job.set(await app.submit("edit", request, inputs, count));
      const job = await app.whenDone(now.job.get()!.id);
      if (job.clips[0] && now.job.get()?.id === job.id && now.shown.get().id === base.id) {
        now.shown.set(job.clips[0]);
      }
    } catch (error) {
      edit.say((error as Error).message);
      edit.setBusy(false);
    }
  }

  async function download(): Promise<void> {
    if (work) saveAs(await maskToPng(work.mask), `${work.base.get().title} mask.png`);
  }

  async function load(file: File): Promise<void> {
    if (work === null) return;
    const now = work;
    try {
      const { data } = await pngToMask(file, now.mask.width, now.mask.height);
      now.draw(now.mask.whole, () => now.mask.paste(now.mask.whole, data));
    } catch (error) {
      app.say((error as Error).message, "error");
    }
  }

  function isBrush(): boolean {
    return ["brush", "eraser"].includes(settings.get().tool);
  }

  /** A picture that is dropped on this view may be a mask. */
  async function dropped(file: File): Promise<void> {
    const now = work!;
    const { width, height } = now.mask;
    const mask = await pngToMask(file, width, height).catch(() => null);
    if (mask?.looksPainted) now.draw(now.mask.whole, () => now.mask.paste(now.mask.whole, mask.data));
    else openFile(app, file);
  }

  function key(event: KeyboardEvent): boolean {
    if (work === null || event.ctrlKey || event.metaKey || event.altKey) return false;
    const pressed = event.key.toLowerCase();
    const tool = TOOLS.find((one) => one.key === pressed);
    if (tool) settings.update((old) => ({ ...old, tool: tool.name }));
    else if (isBrush() && (pressed === "[" || pressed === "]")) {
      settings.update((old) => ({ ...old, size: resized(old.size, pressed === "]" ? 1 : -1) }));
    } else if (pressed === "m") settings.update((old) => ({ ...old, showsMask: !old.showsMask }));
    else if (pressed === "i") work.draw(work.mask.whole, () => work!.mask.invert());
    else if (pressed === "c") found.toggle();
    else if (/^[0-9]$/.test(pressed) && work.candidates.length > 0) found.choose(Number(pressed));
    else return false;
    return true;
  }

  return {
    undo: () => void work?.undo(),
    redo: () => void work?.redo(),
    key,
    play: () => (work ? resume(work.shown.get()) : undefined),
    shown: () => picture.redraw(),
    drop(files) {
      const picture = files.find((file) => file.type === "image/png");
      if (work === null || picture === undefined) return false;
      void dropped(picture);
      return true;
    },
  };
}
