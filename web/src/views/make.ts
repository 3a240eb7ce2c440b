// Make: words in, candidates out. Every option of every task is here; the rare ones are folded.

import type { App, Mounted, View } from "../app";
import { UNREACHED, type Job, type Task } from "../api";
import { vary } from "../clip_actions";
import { makeCandidates } from "../candidates";
import { el, icon } from "../dom";
import { taskForm, titleOf, withoutTask, type TaskForm } from "../fields";
import { factsOf } from "../format";
import { inputControl, type InputControl } from "../inputs";
import { presentFirst } from "../play_first";
import { remembered } from "../remembered";
import { SpectrogramView } from "../spectrogram";
import { onSubmitKey } from "../submit_key";
import { completion } from "../words";
import "./make.css";

/** Stand open where a task has them. */
const SHOWN = [
  "prompt", "prompts", "first", "last", "count", "bars", "bpm", "key", "seed", "strength",
  "distance", "frames", "before", "negative_prompt", "loop",
];
const ORDER = ["generate", "vary", "restyle", "extend", "loop", "morph", "edit"];
const ELSEWHERE = new Set(["story", "import"]);
const MOST_JOBS = 12;

interface Draft {
  values: Record<string, unknown>;
  count: number;
}

export const view: View = {
  name: "make",
  title: "Make",
  mount(root, app): Mounted {
    const candidates = makeCandidates(app);
    const player = new SpectrogramView(el("div", {}), app, { label: "The chosen clip" });
    const form = makeForm(app, () => {
      // from the fields to the candidates, so that 1…9 choose among them
      stage.focus({ preventScroll: true });
      if (form.element.getBoundingClientRect().width > innerWidth * 0.8) stage.scrollIntoView({ block: "start" });
    });
    const stage = el(
      "div", { class: "stage stack", "aria-label": "Candidates and player", role: "region", tabindex: -1 },
      welcome(app), candidates.element, playerPanel(app, player), earlier(app),
    );
    root.append(el("div", { class: "make-columns" }, form.element, stage));
    app.shownJob.on((id) => {
      // another job's clips: its first is the chosen one
      const job = app.jobs.get().find((j) => j.id === id);
      if (job?.clips.length && app.selected.get()?.job !== id) app.selected.set(job.clips[0]!);
    });
    return {
      undo: () => void (app.undiscard() || app.say("Nothing to undo here.")),
      key(event) {
        if (/^[1-9]$/.test(event.key)) return candidates.choose(Number(event.key));
        const clip = app.selected.get();
        if (!clip) return false;
        const key = event.key.toLowerCase();
        if (key === "k") void app.keep(clip, !clip.kept).catch((error: Error) => app.say(error.message, "error"));
        else if (key === "v") void vary(app, clip);
        else if (event.key === "Delete" || event.key === "Backspace") app.discard(clip);
        else return false;
        return true;
      },
    };
  },
};

function makeForm(app: App, made: () => void): { element: HTMLElement } {
  const picker = el("select", { id: "task", "data-testid": "task" });
  const summary = el("p", { class: "muted small" });
  const body = el("div", { class: "stack" });
  const wrong = el("p", { class: "note bad", role: "alert", "data-testid": "make-wrong" });
  app.connected.on((now) => {
    if (now && wrong.textContent === UNREACHED) wrong.textContent = "";
  });
  const count = el("input", { id: "count", type: "number", min: 1, max: 16, step: 1, "data-testid": "count" });
  const counted = el("div", { class: "field count" }, el("label", { for: "count" }, "Candidates"), count);
  const submit = el("button", { class: "button primary make-button", "data-testid": "make" }, "Make");
  const reset = el("button", { type: "button", class: "button quiet small", "data-testid": "reset" }, "Reset");
  const auto = el("input", { type: "checkbox", role: "switch", id: "auto" });
  auto.checked = remembered.get("play-first", true);
  auto.addEventListener("change", () => remembered.set("play-first", auto.checked));
  const element = el(
    "form", { class: "make-form panel stack", novalidate: true, "aria-label": "What to make" },
    el("div", { class: "field" }, el("label", { for: "task" }, "What to make"), picker), summary, body,
    el("div", { class: "make-foot stack" }, wrong,
      el("div", { class: "row" }, counted, submit, reset),
      el("label", { class: "switch small" }, auto, el("span", {}, "Play the first as soon as it is there"))),
    el("datalist", { id: "keys" }, KEYS.map((key) => el("option", { value: key }))),
  );
  const model = el("select", { id: "model", "data-testid": "model" });
  const models = el("div", { class: "field line", hidden: true }, el("label", { for: "model" }, "Model"), model, el("span", { class: "help" }, "Another one is loaded first, which takes a while."));
  app.api.models().then(({ models: all, current }) => {
    model.replaceChildren(...all.map((m) => el("option", { value: m.name, title: m.about, selected: m.name === current }, m.name)));
    models.hidden = all.length < 2;
  }, () => {});
  let form: TaskForm | null = null;
  let inputs: InputControl[] = [];
  let task: Task | null = null;

  const save = () => {
    if (!task || !form) return;
    remembered.set("task", task.name);
    remembered.set<Draft>(`make-${task.name}`, { values: { loop: false, ...form.values() }, count: Number(count.value) || 4 });
  };
  const choose = (name: string, given?: Draft) => {
    task = app.tasks.get().find((t) => t.name === name) ?? null;
    if (!task) return;
    picker.value = name;
    summary.textContent = task.summary;
    wrong.textContent = "";
    const draft = given ?? remembered.get<Draft>(`make-${name}`, { values: { loop: true }, count: 4 });
    form = taskForm(task, { shown: SHOWN, values: draft.values });
    form.onChange(save);
    count.value = String(draft.count);
    counted.hidden = task.count !== null;
    inputs = task.inputs.map((input) => inputControl(app, input));
    const required = task.inputs.flatMap((input, i) => (input.required || input.or_prompt ? [inputs[i]!.element] : []));
    const optional = task.inputs.flatMap((input, i) => (input.required || input.or_prompt ? [] : [inputs[i]!.element]));
    if (optional.length) form.more?.querySelector(".lines")?.prepend(...optional);
    form.more?.querySelector(".lines")?.append(models);
    task.inputs.forEach((input, i) => {
      if (!input.or_prompt) return;
      const words = form!.element.querySelector<HTMLElement>(`[data-field="${input.name}"]`);
      const shownWhereWords = () => void (words && (words.hidden = inputs[i]!.value() !== null));
      inputs[i]!.onChange(shownWhereWords);
      shownWhereWords();
    });
    body.replaceChildren(...required, form.element);
    for (const words of form.element.querySelectorAll<HTMLTextAreaElement>("textarea[name=prompt], textarea[name=prompts]")) {
      words.after(completion(app, words));
    }
  };
  app.tasks.on((tasks) => {
    const here = tasks.filter((t) => !ELSEWHERE.has(t.name));
    here.sort((a, b) => place(a.name) - place(b.name));
    picker.replaceChildren(...here.map((t) => el("option", { value: t.name }, titleOf(t.name))));
    if (here.length) choose(here.some((t) => t.name === remembered.get("task", "generate")) ? remembered.get("task", "generate") : here[0]!.name);
  }, { now: true });
  picker.addEventListener("change", () => {
    choose(picker.value);
    save();
  });
  count.addEventListener("input", save);
  reset.addEventListener("click", () => {
    if (task) choose(task.name, { values: { loop: true }, count: 4 });
    save();
  });
  app.settings.on((job) => {
    if (!job) return;
    app.settings.set(null);
    choose(job.task, { values: { loop: false, ...job.request }, count: Math.min(16, job.count) });
    task?.inputs.forEach((input, i) => inputs[i]!.set(job.inputs[input.name] ?? null));
    save();
  });
  const send = async () => {
    if (!task || !form || submit.disabled) return;
    wrong.textContent = "";
    form.wrong("");
    if (form.incomplete()) return;
    app.engine.wake();
    const request = form.values();
    const references: Record<string, string> = {};
    task.inputs.forEach((input, i) => {
      const reference = inputs[i]!.value();
      if (reference === null) return;
      references[input.name] = reference;
      if (input.or_prompt) delete request[input.name];
    });
    submit.disabled = true;
    try {
      const job = await app.submit(task.name, request, references, task.count === null ? Number(count.value) || 1 : 1, models.hidden ? undefined : model.value);
      app.shownJob.set(job.id);
      presentFirst(app, job.id);
      made();
    } catch (error) {
      const { message } = error as Error;
      if (!form.wrong(message)) wrong.textContent = withoutTask(task, message);
    } finally {
      submit.disabled = false;
    }
  };
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  onSubmitKey(element, () => void send());
  return { element };
}

function place(name: string): number {
  const at = ORDER.indexOf(name);
  return at < 0 ? ORDER.length : at;
}

function welcome(app: App): HTMLElement {
  const element = el(
    "div", { class: "welcome panel stack" },
    el("h2", {}, "Type what you want to hear, then press Make"),
    el("p", { class: "muted" }, "Candidates appear here as pictures of their sound and play in a loop. Press 1, 2, 3 or 4 to switch between them on the next downbeat, keep what you like, and open it in Paint to change a part of it."),
  );
  const show = () => void (element.hidden = app.jobs.get().some((j) => j.id === app.shownJob.get()) || app.selected.get() !== null);
  app.jobs.on(show);
  app.shownJob.on(show);
  app.selected.on(show, { now: true });
  return element;
}

function playerPanel(app: App, player: SpectrogramView): HTMLElement {
  const prompt = el("p", { class: "small grow" });
  const element = el("div", { class: "player stack" }, player.element, el("div", { class: "row" }, prompt));
  app.selected.on((clip) => {
    element.hidden = clip === null;
    player.setClip(clip);
    prompt.textContent = clip ? [clip.prompt, clip.seed === null ? "" : `seed ${clip.seed}`].filter(Boolean).join(" · ") : "";
  }, { now: true });
  return element;
}

/** Earlier jobs, to go back to. */
function earlier(app: App): HTMLElement {
  const list = el("ul", { class: "list jobs", "data-testid": "jobs" });
  const element = el("section", { class: "earlier" }, el("h3", {}, "Earlier"), list);
  const show = () => {
    const jobs = app.jobs.get().filter((j) => j.task !== "import").slice(0, MOST_JOBS);
    element.hidden = jobs.length < 2;
    list.replaceChildren(...jobs.map((job) => jobRow(app, job)));
  };
  let waiting = 0;
  const soon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(show);
  };
  app.jobs.on(soon);
  app.shownJob.on(soon);
  show();
  return element;
}

function jobRow(app: App, job: Job): HTMLElement {
  const first = job.clips[0];
  const facts = [
    titleOf(job.task), first ? factsOf(first) : null,
    job.state === "done" ? `${job.clips.length} ${job.clips.length === 1 ? "clip" : "clips"}` : STATES[job.state],
    new Date(job.created).toLocaleString([], { dateStyle: "short", timeStyle: "short" }),
  ].filter(Boolean).join(" · ");
  const current = job.id === app.shownJob.get();
  return el(
    "li", {},
    el("button", { type: "button", class: "job", "aria-current": current ? "true" : null, onclick: () => app.shownJob.set(job.id) },
      el("span", { class: "job-title" }, job.title || titleOf(job.task)), el("span", { class: "muted small" }, facts),
      job.state === "running" ? icon("again") : null),
  );
}

const STATES = { queued: "waiting", running: "being made", failed: "failed", cancelled: "cancelled" } as const;

const KEYS = ["C", "G", "D", "A", "E", "B", "F", "Bb", "Eb", "Ab", "Db", "F#"].map((k) => `${k} major`)
  .concat(["A", "E", "B", "F#", "C#", "D", "G", "C", "F", "Bb", "Eb", "G#"].map((k) => `${k} minor`));
