// Spans of time and frequency: snapping to beats, and what they are in bars, seconds, Hz and notes.

import type { Axes } from "../api";
import type { Rect } from "./rect";

export type Grid = "off" | "beats" | "bars";

/** What the columns of a clip's image mean. `columnsPerBeat` is null without a tempo. */
export interface Time {
  readonly width: number;
  readonly columnsPerBeat: number | null;
  readonly beatsPerBar: number;
  readonly secondsPerColumn: number;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The columns between two places, in any order, snapped: at least one step of the grid. */
export function snapped(one: number, other: number, time: Time, grid: Grid): Span {
  const step = stepOf(time, grid);
  const [low, high] = [Math.min(one, other), Math.max(one, other)].map((at) => within(at, time.width));
  let [from, to] = [Math.round(low! / step) * step, Math.round(high! / step) * step];
  if (from === to) {
    from = Math.floor(((low! + high!) / 2) / step) * step;
    if (from >= time.width) from -= step;
    to = from + step;
  }
  return { from: Math.max(0, from), to: Math.min(time.width, to) };
}

function stepOf(time: Time, grid: Grid): number {
  if (grid === "off" || time.columnsPerBeat === null) return 1;
  return grid === "beats" ? time.columnsPerBeat : time.columnsPerBeat * time.beatsPerBar;
}

function within(value: number, most: number): number {
  return Math.max(0, Math.min(most, value));
}

/** A column as musicians count: bar.beat from 1, with hundredths where it lies between beats. */
export function barAndBeat(column: number, time: Time): string {
  const beats = Math.round((column / time.columnsPerBeat!) * 100) / 100;
  const bar = Math.floor(beats / time.beatsPerBar);
  const beat = beats - bar * time.beatsPerBar;
  const rest = Math.round((beat % 1) * 100);
  return `${bar + 1}.${Math.floor(beat) + 1}${rest ? `+${String(rest).padStart(2, "0")}` : ""}`;
}

/** Bars from 1 to columns: 1 is the clip's beginning, 2.5 the middle of the second bar. */
export function barToColumn(bar: number, time: Time): number {
  return Math.round((bar - 1) * time.columnsPerBeat! * time.beatsPerBar);
}

export function columnToBar(column: number, time: Time): number {
  return column / (time.columnsPerBeat! * time.beatsPerBar) + 1;
}

export function secondsToColumn(seconds: number, time: Time): number {
  return Math.round(seconds / time.secondsPerColumn);
}

export function columnToSeconds(column: number, time: Time): number {
  return column * time.secondsPerColumn;
}

/** The rows whose centres lie from `low` to `high` Hz: what `freq` chooses. Null if none does. */
export function hzToRows(low: number, high: number, hz: readonly number[]): Span | null {
  const from = hz.findIndex((centre) => centre <= high);
  if (from < 0) return null;
  const below = hz.findIndex((centre) => centre < low);
  const to = below < 0 ? hz.length : below;
  return to > from ? { from, to } : null;
}

/** The inverse of `hzToRows`: limits that lie halfway to the rows outside. */
export function rowsToHz(rows: Span, hz: readonly number[]): { low: number; high: number } {
  const last = hz.length - 1;
  const edge = (row: number): number => {
    if (row <= 0) return hz[0]! + (hz[0]! - hz[1]!) / 2;
    if (row > last) return Math.max(0, hz[last]! - (hz[last - 1]! - hz[last]!) / 2);
    return (hz[row - 1]! + hz[row]!) / 2;
  };
  return { low: edge(rows.to), high: edge(rows.from) };
}

const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** The nearest note of equal temperament at A4 = 440 Hz; null below what has a name. */
export function noteName(hz: number): string | null {
  if (hz < 16) return null;
  const midi = Math.round(69 + 12 * Math.log2(hz / 440));
  return `${NOTES[midi % 12]}${Math.floor(midi / 12) - 1}`;
}

/** A span in words: "2.1 to 3.1 · 2.18 to 4.36 s · 220 to 1,760 Hz · A3 to A6". */
export function readout(rect: Rect, time: Time, axes: Axes): string {
  const parts: string[] = [];
  if (time.columnsPerBeat !== null) {
    parts.push(`${barAndBeat(rect.left, time)} to ${barAndBeat(rect.right, time)}`);
  }
  const [from, to] = [rect.left, rect.right].map((column) => columnToSeconds(column, time).toFixed(2));
  parts.push(`${from} to ${to} s`);
  const [low, high] = [axes.hz[rect.bottom - 1]!, axes.hz[rect.top]!];
  parts.push(`${hertz(low)} to ${hertz(high)} Hz`);
  const [lowest, highest] = [noteName(low), noteName(high)];
  if (lowest !== null && highest !== null) parts.push(`${lowest} to ${highest}`);
  return parts.join(" · ");
}

function hertz(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
