// Where the lines and numbers of a spectrogram's axes stand.

import type { Axes, Clip } from "./api";
import { midiName } from "./format";
import type { Meter } from "./schedule";
import { beatSeconds } from "./schedule";

export interface Mark {
  /** Seconds, or a row of the image. */
  at: number;
  text: string;
  /** 2: a bar or a labelled line; 1: a beat. */
  weight: 1 | 2;
}

/**
 * Seconds of a column, and of the image before the sound. Without axes, from the clip's beats:
 * its image has all of them, its sound perhaps not.
 */
export function clockOf(
  clip: Pick<Clip, "bpm" | "beats" | "seconds" | "image">, axes: Axes | null, lead = 0,
): { step: number; lead: number } {
  if (axes) return { step: axes.seconds_per_column, lead: axes.lead_seconds };
  const seconds = clip.bpm && clip.beats ? (60 / clip.bpm) * clip.beats : clip.seconds;
  return { step: seconds / clip.image.width, lead };
}

/**
 * Bars and beats (seconds where no tempo is known) that fit: beats are left out below 7 pixels
 * apart, numbers below 26. In seconds of the image, which begins with a bar.
 */
export function timeMarks(seconds: number, meter: Meter, pixelsPerSecond: number): Mark[] {
  const beat = beatSeconds(meter);
  if (beat === null) return secondMarks(seconds, pixelsPerSecond);
  const marks: Mark[] = [];
  const pixelsPerBar = beat * meter.beatsPerBar * pixelsPerSecond;
  const numbered = step(26 / pixelsPerBar);
  const beats = beat * pixelsPerSecond >= 7;
  const total = Math.round(seconds / beat + 0.499);
  for (let n = 0; n < total; n++) {
    const bar = n / meter.beatsPerBar;
    const whole = Number.isInteger(bar);
    if (!whole && !beats) continue;
    if (whole && pixelsPerBar < 4 && bar % numbered) continue;
    const named = whole && bar % numbered === 0;
    const inBar = !whole && beat * pixelsPerSecond >= 44 ? `${Math.floor(bar) + 1}.${(n % meter.beatsPerBar) + 1}` : "";
    marks.push({ at: n * beat, text: named ? String(bar + 1) : inBar, weight: whole ? 2 : 1 });
  }
  return marks;
}

function secondMarks(seconds: number, pixelsPerSecond: number): Mark[] {
  const every = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60].find((s) => s * pixelsPerSecond >= 44) ?? 120;
  const marks: Mark[] = [];
  for (let n = 0; n * every < seconds; n++) {
    const at = n * every;
    marks.push({ at, text: `${Number(at.toFixed(1))} s`, weight: 2 });
  }
  return marks;
}

function step(least: number): number {
  let n = 1;
  while (n < least) n *= 2;
  return n;
}

/** Round frequencies with room for their numbers. `hz` is the centre of each row, top first. */
export function hzMarks(hz: number[], height: number): Mark[] {
  return spaced(
    [50, 100, 200, 500, 1000, 2000, 3000, 5000, 7000, 10000, 15000], hz, height,
    (f) => (f < 1000 ? String(f) : `${f / 1000}k`),
  );
}

/** The Cs of the octaves, with room for their names. */
export function noteMarks(hz: number[], height: number): Mark[] {
  const cs = Array.from({ length: 9 }, (_, octave) => 12 * (octave + 1));
  return spaced(cs.map(hzOfNote), hz, height, (f) => midiName(Math.round(noteOfHz(f))));
}

function spaced(
  wanted: number[], hz: number[], height: number, text: (f: number) => string,
): Mark[] {
  const marks: Mark[] = [];
  let last = -Infinity;
  for (const f of [...wanted].sort((a, b) => b - a)) {
    const at = rowOf(hz, f);
    if (at === null) continue;
    const y = (at / hz.length) * height;
    if (y - last < 15 || y < 7 || y > height - 7) continue;
    last = y;
    marks.push({ at, text: text(f), weight: 2 });
  }
  return marks;
}

/** The row (with fraction; centres lie at halves) of a frequency; null outside the image. */
export function rowOf(hz: number[], f: number): number | null {
  const first = hz[0];
  const last = hz[hz.length - 1];
  if (first === undefined || last === undefined || f > first || f < last) return null;
  let above = 0;
  let below = hz.length - 1;
  while (below - above > 1) {
    const middle = (above + below) >> 1;
    if (hz[middle]! >= f) above = middle;
    else below = middle;
  }
  const a = hz[above]!;
  const b = hz[below]!;
  return above + 0.5 + (a === b ? 0 : (a - f) / (a - b));
}

export function hzOfNote(note: number): number {
  return 440 * 2 ** ((note - 69) / 12);
}

export function noteOfHz(hz: number): number {
  return 69 + 12 * Math.log2(hz / 440);
}
