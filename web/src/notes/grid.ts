// Grids that notes snap to.

import type { Score } from "./score";

export interface Grid {
  readonly name: string;
  /** Of a beat. */
  readonly step: number;
}

export const GRIDS: readonly Grid[] = [
  { name: "1/4", step: 1 },
  { name: "1/8", step: 1 / 2 },
  { name: "1/8 triplets", step: 1 / 3 },
  { name: "1/16", step: 1 / 4 },
  { name: "1/16 triplets", step: 1 / 6 },
  { name: "1/32", step: 1 / 8 },
];
const SIXTEENTHS = GRIDS[3]!;
const TRIPLETS = GRIDS[2]!;
const NEAR = 0.02;

/** The line nearest to a beat. */
export const snapped = (beat: number, step: number): number => Math.round(beat / step) * step;

/** The line at or before a beat. */
export const lineBefore = (beat: number, step: number): number =>
  Math.floor(beat / step + 1e-9) * step;

/** Triplets for music that swings, else sixteenths: the one on which more notes begin. */
export function gridFor(score: Score): Grid {
  const starts = score.tracks.flatMap((track) => track.notes.map((note) => note[0]));
  const on = (grid: Grid) =>
    starts.filter((start) => Math.abs(start - snapped(start, grid.step)) < NEAR).length;
  return on(TRIPLETS) > on(SIXTEENTHS) ? TRIPLETS : SIXTEENTHS;
}
