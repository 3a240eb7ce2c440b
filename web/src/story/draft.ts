// A story while it is written: what is chosen in it, and the way back.

import { History } from "../history";
import { added, changed, type Keyframe, keyframeOf, removed, type Story, withBars } from "./script";

const SNAPSHOT_BYTES = 4096;

export class Draft {
  private now: Story = { keyframes: [keyframeOf({})], bars: 8, loop: false, options: {} };
  private committed = this.now;
  private at = 0;
  /** A length as typed; the story has it when it is committed, since "16" passes through 1. */
  private bars: number | null = null;
  private readonly history = new History();

  /** `told` is called at each change; `replaced` where the options are others than were typed. */
  constructor(
    private readonly told: () => void,
    private readonly replaced: (story: Story) => void,
    first?: Story,
  ) {
    if (first) this.now = this.committed = first;
  }

  get story(): Story {
    return this.now;
  }

  /** Where the chosen keyframe stands in the order. */
  get chosen(): number {
    return this.at;
  }

  get frame(): Keyframe {
    return this.now.keyframes[this.at]!;
  }

  get canUndo(): boolean {
    return this.history.canUndo || this.bars !== null || !isSame(this.now, this.committed);
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  choose(index: number): void {
    this.at = index;
    this.told();
  }

  add(bar: number): void {
    this.put(added(this.now, keyframeOf({ bar })), true);
  }

  /** Change the chosen keyframe, or another one. `isDone`: as one step of undo. */
  change(values: Partial<Keyframe>, isDone: boolean, index = this.at): void {
    this.put(changed(this.now, index, values), isDone);
  }

  /** Take one out; false for the last one, which stays. */
  remove(index: number): boolean {
    const most = this.now.keyframes.length - 2;
    if (most < 0) return false;
    this.put({ story: removed(this.now, index), index: Math.min(index, most) }, true);
    return true;
  }

  /** The length is taken with the next `commit`: keyframes behind it go. */
  setOptions(bars: number, loop: boolean, options: Story["options"]): void {
    this.bars = bars === this.now.bars ? null : bars;
    this.put({ story: { ...this.now, loop, options }, index: this.at }, false);
  }

  open(story: Story): void {
    this.bars = null;
    this.replaced(story);
    this.put({ story, index: 0 }, true);
  }

  undo(): void {
    this.commit();
    this.history.undo();
    this.told();
  }

  redo(): void {
    this.history.redo();
    this.told();
  }

  /** What changed since the last time becomes one step of undo. */
  commit(): void {
    this.now = withBars(this.now, this.bars ?? this.now.bars);
    this.bars = null;
    this.at = Math.min(this.at, this.now.keyframes.length - 1);
    const [before, after] = [this.committed, this.now];
    if (isSame(before, after)) return;
    this.committed = after;
    this.history.record({
      bytes: SNAPSHOT_BYTES,
      undo: () => this.restore(before),
      redo: () => this.restore(after),
    });
    this.told();
  }

  private put(next: { story: Story; index: number }, isDone: boolean): void {
    this.now = next.story;
    this.at = Math.min(next.index, this.now.keyframes.length - 1);
    if (isDone) this.commit();
    this.told();
  }

  private restore(story: Story): void {
    this.now = this.committed = story;
    this.bars = null;
    this.at = Math.min(this.at, story.keyframes.length - 1);
    this.replaced(story);
  }
}

function isSame(one: Story, other: Story): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
