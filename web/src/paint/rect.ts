// Rectangles of image pixels: `right` and `bottom` are the first column and row outside.

import type { Rect } from "../spectrogram";

export type { Rect };

export function isEmpty(rect: Rect): boolean {
  return rect.right <= rect.left || rect.bottom <= rect.top;
}

export function area(rect: Rect): number {
  return isEmpty(rect) ? 0 : (rect.right - rect.left) * (rect.bottom - rect.top);
}

/** Whole pixels only, and only those within an image. */
export function clipped(rect: Rect, width: number, height: number): Rect {
  return {
    left: clamp(Math.round(rect.left), width),
    top: clamp(Math.round(rect.top), height),
    right: clamp(Math.round(rect.right), width),
    bottom: clamp(Math.round(rect.bottom), height),
  };
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(most, value));
}

/** The smallest rectangle that holds both. */
export function union(one: Rect | null, other: Rect | null): Rect | null {
  if (one === null || isEmpty(one)) return other;
  if (other === null || isEmpty(other)) return one;
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}
