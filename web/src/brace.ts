// The loop brace on a spectrogram's ruler: what a press takes hold of, and where a drag brings it.

import type { Meter, Span } from "./schedule";
import { beatSeconds, snap } from "./schedule";
import type { SpectrogramView } from "./spectrogram";

export type Grip = "start" | "end" | "body" | "new";

const REACH = 8;
const HEIGHT = 8;
/** The shortest loop without a tempo, in seconds. */
const LEAST = 0.02;

/** What lies under x: an end of the brace, its body (of one that was set), or the empty ruler. */
export function grip(x: number, start: number, end: number, set: boolean): Grip {
  if (Math.abs(x - end) <= REACH && x > (start + end) / 2) return "end";
  if (Math.abs(x - start) <= REACH) return "start";
  return set && x > start && x < end ? "body" : "new";
}

/** The brace after a drag from `from` to `to` seconds; null while it is too short to be one. */
export function moved(
  brace: Span, held: Grip, from: number, to: number, meter: Meter, length: number,
): Span | null {
  const at = snap(to, meter, length);
  const least = beatSeconds(meter) ?? LEAST;
  if (held === "start") return { start: Math.max(0, Math.min(at, brace.end - least)), end: brace.end };
  if (held === "end") return { start: brace.start, end: Math.min(length, Math.max(at, brace.start + least)) };
  if (held === "body") {
    const long = brace.end - brace.start;
    const start = Math.min(Math.max(0, snap(brace.start + to - from, meter, length)), length - long);
    return { start, end: start + long };
  }
  const first = snap(from, meter, length);
  const span = { start: Math.min(first, at), end: Math.max(first, at) };
  return span.end - span.start < least * 0.99 ? null : span;
}

export function drawBrace(
  context: CanvasRenderingContext2D, view: SpectrogramView, brace: Span,
  color: (name: string) => string, on: boolean, dims: boolean,
): void {
  const { plot } = view;
  const a = view.xOf(view.columnOf(brace.start));
  const b = view.xOf(view.columnOf(brace.end));
  context.save();
  context.beginPath();
  context.rect(plot.x, 0, plot.width, plot.y + plot.height);
  context.clip();
  const set = view.app.engine.brace.get() !== null;
  if (set && on && dims) {
    context.fillStyle = color("--dim");
    context.fillRect(plot.x, plot.y, a - plot.x, plot.height);
    context.fillRect(b, plot.y, plot.x + plot.width - b, plot.height);
  }
  context.fillStyle = color(on ? "--accent" : "--line-strong");
  context.globalAlpha = set ? 1 : 0.7;
  context.fillRect(a, 2, b - a, 3);
  context.fillRect(a, 2, 3, HEIGHT);
  context.fillRect(b - 3, 2, 3, HEIGHT);
  context.restore();
}
