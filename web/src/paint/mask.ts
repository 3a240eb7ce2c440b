// The mask: a byte for each pixel of the clip's image. 255 is regenerated, 0 is kept.

import { History } from "../history";
import { type Rect, area, clipped, isEmpty } from "./rect";

export const REGENERATE = 255;
export const KEEP = 0;

export class Mask {
  readonly data: Uint8ClampedArray;

  constructor(
    readonly width: number,
    readonly height: number,
    data?: Uint8ClampedArray,
  ) {
    this.data = data ?? new Uint8ClampedArray(width * height);
    if (this.data.length !== width * height) throw new Error("a mask has a byte for each pixel");
  }

  get whole(): Rect {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  /** Set all pixels of a rectangle, and return the part of it that lies in the image. */
  fill(rect: Rect, value: number): Rect {
    const inside = clipped(rect, this.width, this.height);
    if (isEmpty(inside)) return inside;
    for (let row = inside.top; row < inside.bottom; row++) {
      this.data.fill(value, row * this.width + inside.left, row * this.width + inside.right);
    }
    return inside;
  }

  invert(): Rect {
    for (let k = 0; k < this.data.length; k++) this.data[k] = 255 - this.data[k]!;
    return this.whole;
  }

  /** The bytes of a rectangle, row by row. */
  copy(rect: Rect): Uint8ClampedArray {
    const width = rect.right - rect.left;
    const bytes = new Uint8ClampedArray(area(rect));
    for (let row = rect.top; row < rect.bottom; row++) {
      const from = row * this.width + rect.left;
      bytes.set(this.data.subarray(from, from + width), (row - rect.top) * width);
    }
    return bytes;
  }

  /** The inverse of `copy`. */
  paste(rect: Rect, bytes: Uint8ClampedArray): void {
    const width = rect.right - rect.left;
    for (let row = rect.top; row < rect.bottom; row++) {
      const from = (row - rect.top) * width;
      this.data.set(bytes.subarray(from, from + width), row * this.width + rect.left);
    }
  }

  /** The smallest rectangle that holds all that is regenerated, even if only partly; or null. */
  get bounds(): Rect | null {
    let [left, right, top, bottom] = [this.width, 0, this.height, 0];
    for (let row = 0; row < this.height; row++) {
      const line = this.data.subarray(row * this.width, (row + 1) * this.width);
      const first = line.findIndex((value) => value > 0);
      if (first < 0) continue;
      let last = this.width - 1;
      while (line[last] === 0) last--;
      left = Math.min(left, first);
      right = Math.max(right, last + 1);
      top = Math.min(top, row);
      bottom = row + 1;
    }
    return right > left ? { left, top, right, bottom } : null;
  }

  /** Its bounds, if all in them is regenerated fully; else null. */
  get rectangle(): Rect | null {
    const bounds = this.bounds;
    const isFull = bounds !== null && this.copy(bounds).every((value) => value === REGENERATE);
    return isFull ? bounds : null;
  }

  /** How much of the image is regenerated, 0 to 1. */
  get share(): number {
    let sum = 0;
    for (const value of this.data) sum += value;
    return sum / (REGENERATE * this.data.length);
  }

  /** Whether it is mostly black and white, as masks are and spectrograms aren't. */
  get looksPainted(): boolean {
    let soft = 0;
    for (const value of this.data) if (value > 12 && value < 243) soft++;
    return soft <= this.data.length / 2;
  }

  get isEmpty(): boolean {
    for (const value of this.data) if (value > 0) return false;
    return true;
  }
}

/** Make a change to a mask that can be undone. `draw` may change no pixel outside of `rect`. */
export function change(mask: Mask, history: History, rect: Rect, draw: () => void): void {
  const inside = clipped(rect, mask.width, mask.height);
  if (isEmpty(inside)) return;
  const before = mask.copy(inside);
  draw();
  remember(mask, history, inside, before);
}

/** Remember a change that was made: the bytes that stood in a rectangle before it. */
export function remember(
  mask: Mask,
  history: History,
  rect: Rect,
  before: Uint8ClampedArray,
): void {
  let other = before;
  const now = mask.copy(rect);
  if (now.every((value, k) => value === before[k])) return;
  const swap = (): void => {
    const here = mask.copy(rect);
    mask.paste(rect, other);
    other = here;
  };
  history.record({ bytes: before.length, undo: swap, redo: swap });
}
