// The candidates of an edit beside what was there, to compare, to keep one, or to leave them.

import type { App } from "../app";
import type { Clip, Job } from "../api";
import { el, icon } from "../dom";
import { SpectrogramView } from "../spectrogram";
import type { Work } from "./work";

export interface Results {
  readonly element: HTMLElement;
  setWork(work: Work | null): void;
  /** Show and play what was there, or the candidate that was shown last. */
  toggle(): void;
  /** 0 is what was there, 1 the first candidate. */
  choose(index: number): void;
}

interface Choices {
  /** A clip is to be seen and heard. */
  show(clip: Clip): void;
  keep(clip: Clip): void;
  /** How much of the image, from the left, shows what was there: 0 to 1. */
  split(share: number): void;
}

export function results(app: App, choices: Choices): Results {
  let work: Work | null = null;
  let offs: (() => void)[] = [];
  let last: Clip | null = null;
  const cards = new Map<string, Card>();
  const preview = el("img", { alt: "The candidate as it is being painted" });
  const strip = el("div", { class: "candidates", role: "group", "aria-label": "Before, and candidates" });
  const progress = el("progress", { max: 1, value: 0, "aria-label": "Progress of the edit" });
  const status = el("p", { class: "note", role: "status", "data-testid": "edit-status" });
  const stop = el("button", { type: "button", class: "button small", "data-testid": "edit-cancel", onclick: () => cancel() }, "Cancel");
  const running = el("div", { class: "row" }, progress, stop);
  const keep = el(
    "button",
    { type: "button", class: "button primary", "data-testid": "keep", onclick: () => work && choices.keep(work.shown.get()) },
    icon("keep"), "Keep this one",
  );
  const compare = el(
    "button",
    { type: "button", class: "button", "data-testid": "compare", title: "Compare with what was there (C)", onclick: () => toggle() },
    "Before / after (C)",
  );
  const split = el("input", {
    type: "range", min: 0, max: 100, value: 0, "data-testid": "split",
    title: "What was there before, on the left of the image",
    oninput: () => choices.split(split.valueAsNumber / 100),
  });
  const element = el(
    "section",
    { class: "panel stack results", hidden: true, "aria-label": "Results" },
    el("h2", {}, "Candidates"),
    status, running, strip,
    el(
      "div",
      { class: "row" },
      compare, keep,
      el("label", { class: "setting grow" }, "Split view", split),
    ),
  );

  const cancel = (): void => {
    const job = work?.job.get();
    if (job) app.cancel(job);
  };
  const choose = (index: number): void => {
    if (work === null) return;
    const clip = index === 0 ? work.base.get() : work.candidates[index - 1];
    if (clip) choices.show(clip);
  };
  const toggle = (): void => {
    if (work === null) return;
    const [shown, base] = [work.shown.get(), work.base.get()];
    const other = shown.id === base.id ? (last ?? work.candidates[0]) : base;
    if (other) choices.show(other);
  };
  const draw = (): void => {
    const job = work?.job.get() ?? null;
    element.hidden = job === null;
    if (work === null || job === null) return;
    const clips = [work.base.get(), ...job.clips.filter((clip) => clip.id !== work!.base.get().id)];
    for (const [id, card] of cards) if (!clips.some((clip) => clip.id === id)) forget(id, card);
    clips.forEach((clip, k) => {
      const card = cards.get(clip.id) ?? cardOf(app, clip, choices.show);
      cards.set(clip.id, card);
      if (strip.children[k] !== card.element) strip.insertBefore(card.element, strip.children[k] ?? null);
      card.name(k === 0 ? "Before" : `Candidate ${k}`, clip.id === work!.shown.get().id, k);
    });
    const isOver = ["done", "failed", "cancelled"].includes(job.state);
    running.hidden = isOver;
    progress.value = job.steps ? (job.clip + job.step / job.steps) / job.count : 0;
    stop.disabled = app.isCancelling(job);
    say(stop.disabled ? "Cancelling…" : statusOf(job));
    status.classList.toggle("bad", job.state === "failed");
    if (isOver || job.clip < job.clips.length) preview.remove();
    const isBase = work.shown.get().id === work.base.get().id;
    keep.disabled = isBase;
    compare.disabled = split.disabled = clips.length < 2;
    if (!isBase) last = work.shown.get();
  };
  app.onEvent((event) => {
    if (event.name !== "preview" || event.job !== work?.job.get()?.id) return;
    preview.src = event.image;
    strip.append(preview);
  });
  const say = (text: string): void => {
    if (status.textContent !== text) status.textContent = text;
  };
  const forget = (id: string, card: Card): void => {
    card.view.destroy();
    card.element.remove();
    cards.delete(id);
  };
  return {
    element,
    toggle,
    choose,
    setWork(next) {
      offs.forEach((off) => off());
      for (const [id, card] of [...cards]) forget(id, card);
      [work, last] = [next, null];
      split.value = "0";
      offs = next
        ? [next.job.on(() => ((last = null), draw())), next.shown.on(draw), next.base.on(draw)]
        : [];
      draw();
    },
  };
}

interface Card {
  readonly element: HTMLButtonElement;
  readonly view: SpectrogramView;
  name(text: string, isShown: boolean, index: number): void;
}

function cardOf(app: App, clip: Clip, show: (clip: Clip) => void): Card {
  const caption = el("span", { class: "caption" });
  const element = el("button", { type: "button", class: "candidate", onclick: () => show(clip) });
  const view = new SpectrogramView(element, app, { clip, compact: true, passive: true, height: 72 });
  element.append(caption);
  return {
    element,
    view,
    name(text, isShown, index) {
      caption.textContent = text;
      element.setAttribute("aria-pressed", String(isShown));
      element.dataset.testid = `candidate-${index}`;
    },
  };
}

function statusOf(job: Job): string {
  if (job.state === "queued") return job.position ? `Waiting; ${job.position} before it.` : "Waiting.";
  if (job.state === "running") return `Painting candidate ${Math.min(job.clip + 1, job.count)} of ${job.count}.`;
  if (job.state === "failed") return job.error ?? "The edit failed.";
  if (job.state === "cancelled") return "Cancelled.";
  return job.notes.join(" ");
}
