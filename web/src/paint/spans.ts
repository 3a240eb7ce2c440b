// Spans of time and frequency: snapping to beats, and what they are in bars, seconds, Hz and notes.

import type { Axes, Clip } from "../api";
import { meterOf } from "../engine";
import { hzOf, midiName, positionIn } from "../format";
import type { Rect } from "./rect";

const LOWEST_NOTE_HZ = 16; // C0

export type Grid = "off" | "beats" | "bars";

/** What the columns of a clip's image mean. `columnsPerBeat` is null without a tempo. */
export interface Time {
  readonly width: number;
  readonly columnsPerBeat: number | null;
  readonly beatsPerBar: number;
  readonly secondsPerColumn: number;
  /** Of the image before the sound begins. */
  readonly leadSeconds: number;
}

export function timeOf(clip: Clip, axes: Axes): Time {
  return {
    width: clip.image.width,
    columnsPerBeat: clip.bpm === null ? null : axes.columns_per_beat,
    beatsPerBar: clip.beats_per_bar,
    secondsPerColumn: axes.seconds_per_column,
    leadSeconds: axes.lead_seconds,
  };
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

/** Bars from 1 to columns: 1 is the clip's beginning, 2.5 the middle of the second bar. */
export function barToColumn(bar: number, time: Time): number {
  return Math.round((bar - 1) * time.columnsPerBeat! * time.beatsPerBar);
}

export function columnToBar(column: number, time: Time): number {
  return column / (time.columnsPerBeat! * time.beatsPerBar) + 1;
}

export function secondsToColumn(seconds: number, time: Time): number {
  return Math.round((seconds + time.leadSeconds) / time.secondsPerColumn);
}

export function columnToSeconds(column: number, time: Time): number {
  return column * time.secondsPerColumn - time.leadSeconds;
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

/** A span in words: "2.1.00 to 3.1.00 · 2.18 to 4.36 s · 220 Hz to 1.76 kHz · A3 to A6". */
export function readout(rect: Rect, clip: Clip, axes: Axes): string {
  const time = timeOf(clip, axes);
  const meter = meterOf(clip, time.leadSeconds);
  const bar = (column: number): string => positionIn(meter, columnToSeconds(column, time));
  const seconds = (column: number): string => columnToSeconds(column, time).toFixed(2);
  const [low, high] = [axes.hz[rect.bottom - 1]!, axes.hz[rect.top]!];
  return [
    clip.bpm ? `${bar(rect.left)} to ${bar(rect.right)}` : null,
    `${seconds(rect.left)} to ${seconds(rect.right)} s`,
    `${hzOf(low)} to ${hzOf(high)}`,
    low > LOWEST_NOTE_HZ ? `${nearestNote(low)} to ${nearestNote(high)}` : null,
  ]
    .filter(Boolean)
    .join(" · ");
}

function nearestNote(hz: number): string {
  return midiName(Math.round(69 + 12 * Math.log2(hz / 440)));
}
