// The first clip of what was asked for is chosen, and sounds by itself where nothing else does.

import type { Clip } from "./api";
import type { App } from "./app";
import { remembered } from "./remembered";

type Player = Pick<App, "engine" | "selected" | "playClip">;

/** Shows a clip that was waited for. */
export async function presentClip(app: Player, clip: Clip): Promise<void> {
  const isQuiet = !app.engine.playing.get();
  if (isQuiet && remembered.get("play-first", true)) await app.playClip(clip);
  else if (isQuiet) app.selected.set(clip);
}

/** Presents a job's first clip as soon as it is there; nothing where it ends without one. */
export function presentFirst(app: Player & Pick<App, "jobs">, jobId: string): void {
  const look = (): void => {
    const job = app.jobs.get().find((one) => one.id === jobId);
    const clip = job?.clips[0];
    const isOver = job && ["done", "failed", "cancelled"].includes(job.state);
    if (!clip && !isOver) return;
    off();
    if (clip) void presentClip(app, clip);
  };
  const off = app.jobs.on(look);
  look();
}
