// Rows of the piano roll: a semitone each, the highest on top, and below them the drums by name.

import { drumName, drumRows, USUAL_DRUMS } from "./drums";
import { isBlackKey, pitchName } from "./keys";
import type { Score, Track } from "./score";
import { isDrums } from "./score";

export interface Row {
  readonly pitch: number;
  readonly drum: boolean;
  readonly name: string;
  readonly dark: boolean;
  readonly top: number;
  readonly height: number;
}

const FEWEST = 24;
const MARGIN = 3;
const ROOM = 460;
const LOWEST_ROW = 8;
const HIGHEST_ROW = 15;
const DRUM_ROW = 16;
const GAP = 10;

export class Rows {
  readonly all: readonly Row[];
  readonly height: number;
  private readonly at = new Map<string, Row>();

  constructor(score: Score) {
    const pitches = pitchesOf(score.tracks.filter((track) => !isDrums(track)));
    const kit = score.tracks.filter(isDrums);
    const rows: Row[] = [];
    let top = 0;
    const add = (pitch: number, drum: boolean, height: number) => {
      const name = drum ? drumName(pitch) : pitchName(pitch, score.facts.key, score.facts.mode);
      const row = { pitch, drum, name, dark: !drum && isBlackKey(pitch), top, height };
      rows.push(row);
      this.at.set(key(pitch, drum), row);
      top += height;
    };
    if (pitches.length > 0) {
      const [lowest, highest] = range(pitches);
      const height = Math.min(Math.max(ROOM / (highest - lowest + 1), LOWEST_ROW), HIGHEST_ROW);
      for (let pitch = highest; pitch >= lowest; pitch--) add(pitch, false, Math.floor(height));
    }
    if (kit.length > 0) {
      if (rows.length > 0) top += GAP;
      for (const pitch of drumRows([...USUAL_DRUMS, ...pitchesOf(kit)])) add(pitch, true, DRUM_ROW);
    }
    this.all = rows;
    this.height = top;
  }

  of(pitch: number, drum: boolean): Row | undefined {
    return this.at.get(key(pitch, drum));
  }

  /** The nearest row of a kind: a drag stays with its own. */
  near(y: number, drum: boolean): Row | undefined {
    const own = this.all.filter((row) => row.drum === drum);
    return own.find((row) => y < row.top + row.height) ?? own[own.length - 1];
  }

  atY(y: number): Row | undefined {
    return this.all.find((row) => y >= row.top && y < row.top + row.height);
  }
}

function range(pitches: readonly number[]): [number, number] {
  let lowest = Math.max(0, Math.min(...pitches) - MARGIN);
  let highest = Math.min(127, Math.max(...pitches) + MARGIN);
  while (highest - lowest + 1 < FEWEST) {
    if (highest < 127) highest++;
    if (lowest > 0) lowest--;
  }
  return [lowest, highest];
}

/** Of the tracks' notes; a pitched track without notes counts as one at middle C. */
function pitchesOf(tracks: readonly Track[]): number[] {
  const found = new Set(tracks.flatMap((track) => track.notes.map((note) => note[2])));
  return found.size > 0 || tracks.length === 0 ? [...found] : isDrums(tracks[0]!) ? [] : [60];
}

const key = (pitch: number, drum: boolean): string => `${drum ? "d" : "p"}${pitch}`;
