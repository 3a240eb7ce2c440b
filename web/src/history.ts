// Undo and redo of anything, with a bound on the memory that it holds.

/** A change that was made. `bytes` is what it costs to remember. */
export interface Change {
  readonly bytes: number;
  undo(): void;
  redo(): void;
}

const MOST_BYTES = 64 * 2 ** 20;

export class History {
  private readonly done: Change[] = [];
  private undone: Change[] = [];

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** Remember a change; what was undone before it is forgotten, and so is the oldest if need be. */
  record(change: Change): void {
    this.undone = [];
    this.done.push(change);
    while (this.done.length > 1 && this.bytes > this.mostBytes) this.done.shift();
  }

  undo(): boolean {
    const change = this.done.pop();
    if (change === undefined) return false;
    change.undo();
    this.undone.push(change);
    return true;
  }

  redo(): boolean {
    const change = this.undone.pop();
    if (change === undefined) return false;
    change.redo();
    this.done.push(change);
    return true;
  }

  forget(): void {
    this.done.length = 0;
    this.undone = [];
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  get bytes(): number {
    return this.done.reduce((sum, change) => sum + change.bytes, 0);
  }
}
