// A brush and an eraser, round on the screen whatever the zoom is.

import { Mask, REGENERATE } from "./mask";
import { type Rect, clipped, isEmpty, union } from "./rect";

/** `radiusX` in columns, `radiusY` in rows. `hardness` 1 has a sharp edge; 0 falls off all the way. */
export interface Brush {
  readonly radiusX: number;
  readonly radiusY: number;
  readonly hardness: number;
  readonly erases: boolean;
}

/** A place in an image: the middle of its first pixel is 0.5, 0.5. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How much of a brush arrives at a distance, in radii: 1 in its core, 0 from its edge on. */
export function coverage(distance: number, hardness: number): number {
  if (distance > 1) return 0;
  if (distance <= hardness) return 1;
  const t = (1 - distance) / (1 - hardness);
  return t * t * (3 - 2 * t);
}

/** A line that is drawn while the pointer is down. Drawn over itself, it gets no stronger. */
export class Stroke {
  private readonly before: Uint8ClampedArray;
  private last: Point | null = null;
  private touched: Rect | null = null;

  constructor(
    private readonly mask: Mask,
    private readonly brush: Brush,
  ) {
    this.before = mask.data.slice();
  }

  /** Draw on to a point, and return the rectangle that it changed. */
  to(point: Point): Rect | null {
    const from = this.last ?? point;
    this.last = point;
    const { radiusX, radiusY } = this.brush;
    const around = clipped(
      {
        left: Math.floor(Math.min(from.x, point.x) - radiusX),
        top: Math.floor(Math.min(from.y, point.y) - radiusY),
        right: Math.ceil(Math.max(from.x, point.x) + radiusX),
        bottom: Math.ceil(Math.max(from.y, point.y) + radiusY),
      },
      this.mask.width,
      this.mask.height,
    );
    if (isEmpty(around)) return null;
    this.draw(from, point, around);
    this.touched = union(this.touched, around);
    return around;
  }

  /** What it changed since it began, with the bytes that stood there; null if nothing. */
  end(): { rect: Rect; before: Uint8ClampedArray } | null {
    if (this.touched === null) return null;
    const old = new Mask(this.mask.width, this.mask.height, this.before);
    return { rect: this.touched, before: old.copy(this.touched) };
  }

  private draw(from: Point, to: Point, around: Rect): void {
    const { radiusX, radiusY, hardness, erases } = this.brush;
    const { data, width } = this.mask;
    const [wayX, wayY] = [(to.x - from.x) / radiusX, (to.y - from.y) / radiusY];
    const way = wayX * wayX + wayY * wayY;
    for (let row = around.top; row < around.bottom; row++) {
      for (let column = around.left; column < around.right; column++) {
        const x = (column + 0.5 - from.x) / radiusX;
        const y = (row + 0.5 - from.y) / radiusY;
        const along = way === 0 ? 0 : Math.max(0, Math.min(1, (x * wayX + y * wayY) / way));
        const here = coverage(Math.hypot(x - along * wayX, y - along * wayY), hardness);
        const k = row * width + column;
        const level = Math.round(REGENERATE * here);
        data[k] = erases ? Math.min(data[k]!, 255 - level) : Math.max(data[k]!, level);
      }
    }
  }
}
