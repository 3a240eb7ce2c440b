// The clips of one job side by side: painted live, compared on the downbeat, kept or discarded.

import type { App } from "./app";
import { clipUrl, type Clip, type Job } from "./api";
import { clipMenu, vary } from "./clip_actions";
import { el, icon } from "./dom";
import { factsOf } from "./format";
import { SpectrogramView } from "./spectrogram";

/** Longer clips are fetched when they are asked for. */
const MOST_SECONDS = 60;

export interface Candidates {
  element: HTMLElement;
  /** The nth clip (from 1) sounds from the next downbeat; false where there is none. */
  choose(n: number): boolean;
}

export function makeCandidates(app: App): Candidates {
  const title = el("h2", { "data-testid": "job-title" });
  const state = el("p", { class: "muted small", role: "status", "data-testid": "job-state" });
  const remaining = el("span", { class: "muted small" });
  const notes = el("ul", { class: "remarks small" });
  const stop = el("button", { type: "button", class: "button small", "data-testid": "cancel" }, "Cancel");
  const retry = el("button", { type: "button", class: "button small", "data-testid": "retry" }, "Try again");
  const row = el("ol", { class: "tiles", "data-testid": "candidates" });
  const element = el(
    "div", { class: "candidates stack" },
    el("div", { class: "row apart" }, el("div", { class: "grow" }, title, el("div", { class: "row" }, state, remaining)), stop, retry),
    row, notes,
  );
  let tiles: Tile[] = [];
  let shown: string | null = null;
  const pace = new Map<string, { time: number; done: number }>();

  const job = () => app.jobs.get().find((j) => j.id === app.shownJob.get()) ?? null;
  stop.addEventListener("click", () => {
    const now = job();
    if (now) app.cancel(now);
  });
  retry.addEventListener("click", async () => {
    const now = job();
    if (!now) return;
    try {
      app.shownJob.set((await app.submit(now.task, now.request, now.inputs, now.count)).id);
    } catch (error) {
      app.say((error as Error).message, "error");
    }
  });

  const show = () => {
    const now = job();
    element.hidden = now === null;
    if (!now) return;
    if (now.id !== shown) {
      tiles.forEach((tile) => tile.destroy());
      tiles = [];
      shown = now.id;
    }
    const count = countOf(app, now);
    while (tiles.length < count) {
      const tile = new Tile(app, tiles.length);
      tiles.push(tile);
      row.append(tile.element);
    }
    while (tiles.length > count) tiles.pop()!.destroy();
    tiles.forEach((tile) => tile.show(now));
    put(title, now.title || now.task);
    const ending = app.isCancelling(now);
    put(state, ending ? "Cancelling…" : stateOf(now, count));
    stop.disabled = ending;
    state.classList.toggle("bad", now.state === "failed");
    put(remaining, now.state === "running" && !ending ? leftOf(now, count, pace) : "");
    stop.hidden = !["queued", "running"].includes(now.state);
    retry.hidden = !["failed", "cancelled"].includes(now.state);
    const said = [...new Set([...now.notes, ...now.clips.flatMap((c) => c.notes)])];
    if (notes.childElementCount !== said.length || now.state !== "running") {
      notes.replaceChildren(...said.map((note) => el("li", {}, note)));
    }
  };
  app.jobs.on(show);
  app.shownJob.on(show);
  app.tasks.on(show, { now: true });
  app.onEvent((event) => {
    if (event.name === "preview" && event.job === shown) tiles[event.clip]?.preview(event.image);
  });
  return {
    element,
    choose(n) {
      const clip = tiles[n - 1]?.clip;
      if (clip) void app.playClip(clip);
      return clip !== undefined && clip !== null;
    },
  };
}

class Tile {
  readonly element: HTMLElement;
  clip: Clip | null = null;
  private readonly view: SpectrogramView;
  private readonly main = el("button", { type: "button", class: "tile-main" });
  private readonly bar = el("progress", { max: 1, value: 0 });
  private readonly foot = el("span", { class: "tile-text small" });
  private readonly badge: HTMLElement;
  private readonly keep: HTMLButtonElement;
  private readonly actions: HTMLElement;
  private readonly offs: (() => void)[];

  constructor(private readonly app: App, private readonly index: number) {
    this.badge = el("span", { class: "badge mono", "aria-hidden": "true" }, String(index + 1));
    this.view = new SpectrogramView(this.main, app, { compact: true, passive: true });
    this.bar.setAttribute("aria-label", `Progress of candidate ${index + 1}`);
    this.main.append(this.badge);
    this.main.dataset.testid = `candidate-${index + 1}`;
    this.main.addEventListener("click", () => {
      if (this.clip) void app.playClip(this.clip);
    });
    this.keep = this.button("keep", "Keep", "K", () => void app.keep(this.clip!, !this.clip!.kept).catch(say));
    const say = (error: Error) => app.say(error.message, "error");
    this.actions = el(
      "span", { class: "tile-actions" }, this.keep,
      this.button("vary", "Make 4 variations", "V", () => void vary(app, this.clip!)),
      this.button("discard", "Discard", "Delete", () => app.discard(this.clip!)),
      clipMenu(app, () => this.clip, true),
    );
    this.element = el("li", { class: "tile" }, this.main, this.bar, el("div", { class: "tile-foot" }, this.foot, this.actions));
    const { engine } = app;
    const sound = () => this.sounding();
    this.offs = [engine.run.on(sound), engine.next.on(sound), engine.playing.on(sound), app.selected.on(sound)];
  }

  destroy(): void {
    this.offs.forEach((off) => off());
    this.view.destroy();
    this.element.remove();
  }

  preview(image: string): void {
    if (!this.clip) this.view.setPicture(image);
  }

  show(job: Job): void {
    const clip = job.clips.find((c) => c.index === this.index) ?? null;
    const over = !["queued", "running"].includes(job.state);
    const painting = job.state === "running" && job.clip === this.index && !clip;
    const state = clip ? "ready" : over ? "gone" : painting ? "painting" : "waiting";
    this.element.dataset.state = state;
    if (clip?.id !== this.clip?.id) this.view.setClip(clip);
    if (clip && clip.id !== this.clip?.id && clip.seconds <= MOST_SECONDS) this.prefetch(clip);
    this.clip = clip;
    this.main.disabled = !clip;
    this.bar.hidden = !painting;
    if (painting) this.bar.value = job.steps ? job.step / job.steps : 0;
    this.actions.hidden = !clip;
    const words = {
      ready: clip ? factsOf(clip) : "",
      gone: job.state === "done" ? "Discarded" : "Not made",
      painting: job.step < job.steps || !job.steps ? `Step ${job.step} of ${job.steps || "…"}` : "Turning it into sound",
      waiting: "Waiting",
    }[state];
    put(this.foot, words);
    const name = `Candidate ${this.index + 1}`;
    this.main.setAttribute("aria-label", clip ? `${name}: play, ${words}` : `${name}: ${words}`);
    this.main.title = clip?.seed != null ? `Seed ${clip.seed}` : "";
    this.keep.setAttribute("aria-pressed", String(clip?.kept ?? false));
    this.keep.querySelector("svg")!.classList.toggle("solid", clip?.kept ?? false);
    this.sounding();
  }

  /** So that a switch waits for the downbeat alone. */
  private prefetch(clip: Clip): void {
    this.app.engine.load(clipUrl(clip.id, "wav")).catch(() => {});
  }

  private sounding(): void {
    const { engine, selected } = this.app;
    const id = this.clip?.id;
    const is = (other: string | undefined) => id !== undefined && other === id;
    const sounds = engine.playing.get() && is(engine.run.get()?.clip?.id);
    this.element.toggleAttribute("data-sounding", sounds);
    this.element.toggleAttribute("data-next", is(engine.next.get()?.clip?.id));
    this.element.toggleAttribute("data-chosen", is(selected.get()?.id));
    this.main.setAttribute("aria-pressed", String(sounds));
  }

  private button(name: "keep" | "vary" | "discard", label: string, key: string, run: () => void): HTMLButtonElement {
    return el(
      "button", { type: "button", class: "icon-button quiet small", "aria-label": label, title: `${label} (${key})`, "data-testid": `${name}-${this.index + 1}`, onclick: () => { if (this.clip) run(); } },
      icon(name),
    );
  }
}

/** How many clips a job makes: its count, or that of a task that counts by itself. */
function countOf(app: App, job: Job): number {
  const field = app.tasks.get().find((t) => t.name === job.task)?.count;
  const name = typeof field === "string" ? field : field?.name;
  const own = name ? Number(job.request[name] ?? 0) : 0;
  return Math.max(job.count, own || 0, ...job.clips.map((c) => c.index + 1));
}

function stateOf(job: Job, count: number): string {
  const n = job.clips.length;
  if (job.state === "queued") {
    const ahead = job.position ?? 0;
    return ahead ? `Waiting: ${ahead} ${ahead === 1 ? "job is" : "jobs are"} ahead.` : "Next in line.";
  }
  if (job.state === "running") return count > 1 ? `Painting ${Math.min(job.clip + 1, count)} of ${count}` : "Painting";
  if (job.state === "failed") return job.error ?? "It failed.";
  if (job.state === "cancelled") return n ? `Cancelled after ${n} of ${count}.` : "Cancelled.";
  return n > 1 ? `${n} clips. ${pressed(count)} to switch on the next downbeat.` : `${n} clip`;
}

function pressed(count: number): string {
  if (matchMedia("(hover: none)").matches) return "Tap one";
  return `Press 1${count > 2 ? "–" : " or "}${Math.min(9, count)}`;
}

function leftOf(job: Job, count: number, pace: Map<string, { time: number; done: number }>): string {
  const done = job.clip * job.steps + job.step;
  const begun = pace.get(job.id);
  if (!begun) {
    if (job.steps) pace.set(job.id, { time: performance.now(), done });
    return "";
  }
  const steps = done - begun.done;
  if (steps < 3) return "";
  const left = ((performance.now() - begun.time) / steps / 1000) * (count * job.steps - done);
  if (left < 2) return "";
  return left < 90 ? `about ${Math.round(left)} s left` : `about ${Math.round(left / 60)} min left`;
}

function put(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
