// What is being painted on: a clip, its mask, the results to compare, and what was kept so far.

import type { Clip, Job } from "../api";
import { History } from "../history";
import { type Signal, signal } from "../state";
import { change, Mask } from "./mask";
import type { Rect } from "./rect";

export class Work {
  readonly history = new History();
  /** The clip that the next edit begins with. */
  readonly base: Signal<Clip>;
  /** The clip that is seen and heard: the base, or a candidate. */
  readonly shown: Signal<Clip>;
  /** The clips that edits began with, the first one first. */
  readonly kept: Signal<readonly Clip[]>;
  /** The edit that runs, or the last one: its clips are the candidates. */
  readonly job = signal<Job | null>(null);
  private readonly maskTold = new Set<(rect: Rect) => void>();

  /** The mask must have the size of the clip's image. */
  constructor(clip: Clip, readonly mask = new Mask(clip.image.width, clip.image.height)) {
    this.base = signal(clip);
    this.shown = signal(clip);
    this.kept = signal<readonly Clip[]>([clip]);
  }

  /** Calls at each change of the mask, with the part that changed. */
  onMask(told: (rect: Rect) => void): () => void {
    this.maskTold.add(told);
    return () => this.maskTold.delete(told);
  }

  tellMask(rect: Rect = this.mask.whole): void {
    for (const told of this.maskTold) told(rect);
  }

  /** Change the mask so that it can be undone. */
  draw(rect: Rect, how: () => void): void {
    change(this.mask, this.history, rect, how);
    this.tellMask(rect);
  }

  /** Lay another mask of the same size in its place. Can be undone. */
  lay(mask: Mask): void {
    this.draw(mask.whole, () => this.mask.paste(mask.whole, mask.data));
  }

  /**
   * Take a clip as the one to go on with, and put the other candidates away. Can be undone; `told`
   * is called with false then, and with true when it is done again.
   */
  keep(clip: Clip, told: (isKept: boolean) => void = () => {}): void {
    const before = this.base.get();
    if (before.id === clip.id) return;
    if (!this.has(clip)) this.kept.update((kept) => [...kept, clip]);
    const job = this.job.get();
    this.history.record({
      bytes: 0,
      undo: () => (this.goOnWith(before, job), told(false)),
      redo: () => (this.goOnWith(clip, null), told(true)),
    });
    this.goOnWith(clip, null);
  }

  /** Whether the mask has the size of the clip's image. */
  fits({ image }: Clip): boolean {
    return image.width === this.mask.width && image.height === this.mask.height;
  }

  has(clip: Clip): boolean {
    return this.kept.get().some((one) => one.id === clip.id);
  }

  /** Whether it is one of those kept, or a candidate. */
  knows(clip: Clip): boolean {
    return this.has(clip) || this.candidates.some((one) => one.id === clip.id);
  }

  get candidates(): readonly Clip[] {
    return this.job.get()?.clips ?? [];
  }

  undo(): boolean {
    const undone = this.history.undo();
    this.tellMask();
    return undone;
  }

  redo(): boolean {
    const redone = this.history.redo();
    this.tellMask();
    return redone;
  }

  private goOnWith(clip: Clip, job: Job | null): void {
    this.job.set(job);
    this.base.set(clip);
    this.shown.set(clip);
  }
}

/** An edit of this clip that runs already, as after the page was loaded again. */
export function runningEdit(base: Clip, jobs: readonly Job[]): Job | null {
  const isOne = (job: Job): boolean => job.task === "edit" && job.inputs.clip === `clip:${base.id}`;
  return jobs.find((job) => isOne(job) && !isOver(job)) ?? null;
}

export function isOver(job: Job): boolean {
  return job.state !== "queued" && job.state !== "running";
}
