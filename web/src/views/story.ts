// Story: prompts at bars, and minutes of music that go from one to the next.

import "../story/story.css";
import type { App, Mounted, View } from "../app";
import type { Clip, Job, Task } from "../api";
import { el, icon } from "../dom";
import { taskForm, type TaskForm } from "../fields";
import { History } from "../history";
import { saveAs } from "../save";
import { SpectrogramView } from "../spectrogram";
import { keyframePanel } from "../story/keyframe_panel";
import { added, changed, keyframeOf, removed, requestOf, type Story, storyOf, withBars } from "../story/script";
import { themeChoice } from "../story/theme";
import { beatsPerBar, type Layout, TimelineView } from "../story/timeline";
import { toToml } from "../story/toml";

const SHOWN = ["bars", "bpm", "key", "phrase_bars", "loop"];
const SNAPSHOT_BYTES = 4096;

export const view: View = { name: "story", title: "Story", mount };

function mount(root: HTMLElement, app: App): Mounted {
  let story: Story = { keyframes: [keyframeOf({})], bars: 8, loop: false, options: {} };
  let committed = story;
  let chosen = 0;
  let form: TaskForm | null = null;
  let clip: Clip | null = null;
  let madeOf: string | null = null;
  const history = new History();

  const timeline = new TimelineView({
    choose: (index) => choose(index),
    add: (bar) => add(bar),
    move(index, bar, isDone) {
      set(changed(story, index, { bar }), isDone);
      return chosen;
    },
    remove: (index) => remove(index),
    edit: () => panel.focus(),
  });
  const stage = el("div", { class: "stage" });
  const picture = new SpectrogramView(stage, app, { label: "The story as it was made", height: 260 });
  const preview = el("img", { class: "preview", alt: "", hidden: true });
  stage.append(preview, el("p", { class: "note" }, "What is made appears here, below its keyframes."));
  const panel = keyframePanel({
    change(values, isDone) {
      const bar = values.bar === undefined ? null : timeline.free(values.bar, true, chosen);
      const rest = values.bar === undefined ? values : bar === null ? {} : { bar };
      set(changed(story, chosen, rest), isDone);
    },
    remove: () => remove(chosen),
  });
  const theme = themeChoice(app, () => draw());
  const options = el("div");
  const problem = el("p", { class: "note bad", role: "alert", "data-testid": "story-problem" });
  const status = el("p", { class: "note grow", role: "status", "data-testid": "story-status" });
  const progress = el("progress", { max: 1, value: 0, "aria-label": "Progress of the story" });
  const stop = el("button", { type: "button", class: "button small", onclick: () => cancel() }, "Cancel");
  const running = el("div", { class: "row", hidden: true }, progress, stop);
  const run = el("button", { type: "button", class: "button primary", "data-testid": "story-run", onclick: () => void make() }, "Make the story");
  const undo = iconButton("undo", "Undo (Ctrl+Z)", () => stepBack());
  const redo = iconButton("redo", "Redo (Ctrl+Shift+Z)", () => stepForward());
  const file = el("input", {
    type: "file", accept: ".toml,text/plain", hidden: true, "aria-label": "Open a script", "data-testid": "script-file",
    onchange: () => {
      const chosenFile = file.files?.[0];
      if (chosenFile) void open(chosenFile);
      file.value = "";
    },
  });
  let job: Job | null = null;

  root.append(
    el(
      "div",
      { class: "stack" },
      el(
        "div",
        { class: "row" },
        el("button", { type: "button", class: "button", "data-testid": "keyframe-add", onclick: () => addAfter() }, icon("plus"), "Add a keyframe"),
        undo, redo,
        el("span", { class: "grow" }),
        el("button", { type: "button", class: "button", "data-testid": "script-open", onclick: () => file.click() }, icon("upload"), "Open a script"),
        el("button", { type: "button", class: "button", "data-testid": "script-save", onclick: () => void save() }, icon("download"), "Save the script"),
        file,
      ),
      el("p", { class: "note" }, "Click the timeline to add a prompt at a bar, and drag it to move it. Hold Alt for beats."),
      el("div", { class: "score" }, timeline.element, stage),
      el("div", { class: "row" }, run, status),
      running, problem,
      el(
        "div",
        { class: "beside" },
        panel.element,
        el("section", { class: "panel stack whole", "aria-label": "The whole story" }, el("h2", {}, "The whole story"), theme.element, options),
      ),
    ),
  );

  app.tasks.on((tasks) => describe(tasks.find((task) => task.name === "story")), { now: true });
  picture.window.on(() => draw());
  new ResizeObserver(() => draw()).observe(stage);
  app.onEvent((event) => {
    if (event.name === "preview" && event.job === job?.id) {
      preview.src = event.image;
      preview.hidden = false;
      const { x, y, width, height } = picture.plot;
      Object.assign(preview.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    }
  });
  app.jobs.on((jobs) => {
    const now = jobs.find((one) => one.id === job?.id);
    if (now) showJob(now);
  });

  function describe(task: Task | undefined): void {
    if (task === undefined || form !== null) return;
    const keyframes = task.fields.find((field) => field.type === "keyframes");
    panel.setFields(keyframes?.fields ?? []);
    form = taskForm(task, { shown: SHOWN, values: { ...story.options, bars: story.bars, loop: story.loop } });
    options.replaceChildren(form.element);
    form.onChange(() => optionsChanged());
    form.element.addEventListener("change", () => commit());
    optionsChanged();
    commit();
  }

  function optionsChanged(): void {
    const { bars, loop, ...others } = form!.values();
    const length = Math.max(1, Math.round(Number(bars)) || story.bars);
    const next = { ...story, loop: loop === true, options: others };
    story = withBars(next, length);
    chosen = Math.min(chosen, story.keyframes.length - 1);
    draw();
  }

  function set(next: { story: Story; index: number }, isDone: boolean): void {
    [story, chosen] = [next.story, next.index];
    if (isDone) commit();
    draw();
  }

  /** What changed since the last time can be undone in one step. */
  function commit(): void {
    const [before, after] = [committed, story];
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    committed = after;
    history.record({ bytes: SNAPSHOT_BYTES, undo: () => restore(before), redo: () => restore(after) });
    draw();
  }

  function restore(old: Story): void {
    story = committed = old;
    chosen = Math.min(chosen, story.keyframes.length - 1);
    fill(old);
    draw();
  }

  function fill({ options: values, bars, loop }: Story): void {
    form?.clear();
    form?.set({ ...values, bars, loop });
  }

  function stepBack(): void {
    commit();
    history.undo();
    draw();
  }

  function stepForward(): void {
    history.redo();
    draw();
  }

  function choose(index: number): void {
    chosen = index;
    draw();
  }

  function add(bar: number): void {
    set(added(story, keyframeOf({ bar })), true);
    panel.focus();
  }

  /** Behind the chosen keyframe: halfway to the next one, or some bars on. */
  function addAfter(): void {
    const here = story.keyframes[chosen]!.bar;
    const next = story.keyframes[chosen + 1]?.bar ?? story.bars;
    const bar = timeline.free((here + next) / 2, false) ?? timeline.free((here + next) / 2, true);
    if (bar !== null) add(bar);
  }

  function remove(index: number): void {
    if (story.keyframes.length < 2) {
      problem.textContent = "A story needs at least one keyframe.";
      return;
    }
    set({ story: removed(story, index), index: Math.min(index, story.keyframes.length - 2) }, true);
    timeline.focus();
  }

  function draw(): void {
    timeline.draw(story, chosen, layout());
    panel.show(story.keyframes[chosen] ?? null, 1 / beatsPerBar(story));
    undo.disabled = !history.canUndo && JSON.stringify(story) === JSON.stringify(committed);
    redo.disabled = !history.canRedo;
    stage.classList.toggle("empty", clip === null);
    stage.classList.toggle("stale", clip !== null && madeOf !== signature());
  }

  /** Bars lie where the spectrogram below has them; without one, the story fills the width. */
  function layout(): Layout {
    const { plot, columns } = picture;
    if (clip === null || columns === 0 || clip.bars !== story.bars) {
      return {
        xOf: (bar) => plot.x + (bar / story.bars) * plot.width,
        barAt: (x) => ((x - plot.x) / plot.width) * story.bars,
      };
    }
    return {
      xOf: (bar) => picture.xOf((bar / story.bars) * columns),
      barAt: (x) => (picture.columnAt(x) / columns) * story.bars,
    };
  }

  function signature(): string {
    return JSON.stringify([requestOf(story), theme.get()]);
  }

  async function make(): Promise<void> {
    commit();
    problem.textContent = "";
    run.disabled = true;
    const asked = signature();
    const chosenTheme = theme.get();
    try {
      job = await app.submit("story", requestOf(story), chosenTheme ? { theme: chosenTheme } : {});
      showJob(job);
      const over = await app.whenDone(job.id);
      showJob(over);
      if (over.clips[0]) show(over.clips[0], asked);
    } catch (error) {
      const { message } = error as Error;
      problem.textContent = form?.wrong(message) ? "" : message;
    }
    run.disabled = false;
    running.hidden = preview.hidden = true;
  }

  function show(made: Clip, asked: string): void {
    [clip, madeOf] = [made, asked];
    picture.setClip(made);
    app.selected.set(made);
    draw();
  }

  function showJob(now: Job): void {
    job = now;
    running.hidden = now.state !== "queued" && now.state !== "running";
    progress.value = now.steps ? now.step / now.steps : 0;
    const texts: Record<Job["state"], string> = {
      queued: now.position ? `Waiting; ${now.position} before it.` : "Waiting.",
      running: "Painting.",
      done: now.notes.join(" ") || "Done.",
      failed: "",
      cancelled: "Cancelled.",
    };
    if (status.textContent !== texts[now.state]) status.textContent = texts[now.state];
    if (now.state === "failed") problem.textContent = now.error ?? "The story failed.";
  }

  function cancel(): void {
    if (job) app.api.cancel(job.id).catch((error: Error) => app.say(error.message, "error"));
  }

  async function open(chosenFile: File): Promise<void> {
    try {
      const { request, inputs } = await app.api.script(await chosenFile.text());
      restoreAs(storyOf(request));
      theme.set(inputs.theme ?? null);
    } catch (error) {
      problem.textContent = (error as Error).message;
    }
  }

  function restoreAs(opened: Story): void {
    problem.textContent = "";
    chosen = 0;
    story = opened;
    fill(opened);
    commit();
  }

  async function save(): Promise<void> {
    try {
      const text = toToml(story, await theme.inScript());
      saveAs(new Blob([text], { type: "application/toml" }), "story.toml");
    } catch (error) {
      problem.textContent = (error as Error).message;
    }
  }

  return {
    undo: stepBack,
    redo: stepForward,
    shown: () => draw(),
    play: async () => {
      if (clip) await app.playClip(clip);
    },
    drop(files) {
      const script = files.find((one) => one.name.toLowerCase().endsWith(".toml"));
      if (script) void open(script);
      return script !== undefined;
    },
  };
}

function iconButton(name: "undo" | "redo", title: string, run: () => void): HTMLButtonElement {
  return el(
    "button",
    { type: "button", class: "icon-button", title, "aria-label": title, "data-testid": `story-${name}`, onclick: run },
    icon(name),
  );
}
