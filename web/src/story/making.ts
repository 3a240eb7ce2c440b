// The job that makes a story: its button, progress and preview.

import type { App } from "../app";
import type { Clip, Job, Words } from "../api";
import { el } from "../dom";

export interface Making {
  readonly element: HTMLElement;
  /** Shown over the stage while it is painted. */
  readonly preview: HTMLImageElement;
  run(request: Words, inputs: Record<string, string>): Promise<Clip | null>;
  /** What is wrong; "" for nothing. */
  say(problem: string): void;
}

export function making(app: App, start: () => void): Making {
  let job: Job | null = null;
  const preview = el("img", { class: "preview", alt: "", hidden: true });
  const problem = el("p", { class: "note bad", role: "alert", "data-testid": "story-problem" });
  const status = el("p", { class: "note grow", role: "status", "data-testid": "story-status" });
  const progress = el("progress", { max: 1, value: 0, "aria-label": "Progress of the story" });
  const stop = el("button", { type: "button", class: "button small", onclick: () => cancel() }, "Cancel");
  const running = el("div", { class: "row", hidden: true }, progress, stop);
  const button = el(
    "button",
    { type: "button", class: "button primary", "data-testid": "story-run", onclick: start },
    "Make the story",
  );
  const cancel = (): void => {
    if (job) app.cancel(job);
  };
  const show = (now: Job): void => {
    job = now;
    running.hidden = now.state !== "queued" && now.state !== "running";
    progress.value = now.steps ? now.step / now.steps : 0;
    stop.disabled = app.isCancelling(now);
    const text = stop.disabled ? "Cancelling…" : statusOf(now);
    if (status.textContent !== text) status.textContent = text;
    if (now.state === "failed") problem.textContent = now.error ?? "The story failed.";
  };
  app.jobs.on((jobs) => {
    const now = jobs.find((one) => one.id === job?.id);
    if (now) show(now);
  });
  app.onEvent((event) => {
    if (event.name !== "preview" || event.job !== job?.id) return;
    preview.src = event.image;
    preview.hidden = false;
  });
  return {
    element: el("div", { class: "stack" }, el("div", { class: "row" }, button, status), running, problem),
    preview,
    say: (text) => (problem.textContent = text),
    async run(request, inputs) {
      problem.textContent = "";
      button.disabled = true;
      try {
        show(await app.submit("story", request, inputs));
        const over = await app.whenDone(job!.id);
        show(over);
        return over.clips[0] ?? null;
      } finally {
        button.disabled = false;
        running.hidden = preview.hidden = true;
      }
    },
  };
}

function statusOf(job: Job): string {
  const texts: Record<Job["state"], string> = {
    queued: job.position ? `Waiting; ${job.position} before it.` : "Waiting.",
    running: "Painting.",
    done: job.notes.join(" ") || "Done.",
    failed: "",
    cancelled: "Cancelled.",
  };
  return texts[job.state];
}
