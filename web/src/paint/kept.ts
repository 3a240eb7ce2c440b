// Masks of clips, as the browser remembers them: they survive a reload.

import { Mask } from "./mask";

type Runs = readonly number[];
type Stored = readonly (readonly [clip: string, width: number, height: number, runs: Runs])[];

/** Browsers store some 5 MB for a page. */
const MOST_CHARACTERS = 1e6;
const MOST_MASKS = 8;

export class KeptMasks {
  private readonly masks: Map<string, readonly [width: number, height: number, runs: Runs]>;

  constructor(stored: unknown) {
    this.masks = new Map(readable(stored).map(([clip, ...mask]) => [clip, mask]));
  }

  /** The mask that was painted on a clip's image; null where there is none of its size. */
  of(clip: string, width: number, height: number): Mask | null {
    const kept = this.masks.get(clip);
    return kept?.[0] === width && kept[1] === height ? maskOf(width, height, kept[2]) : null;
  }

  set(clip: string, mask: Mask): void {
    this.masks.delete(clip);
    if (!mask.isEmpty) this.masks.set(clip, [mask.width, mask.height, runsOf(mask)]);
  }

  /** What is stored: of many masks, the latest. */
  stored(most = MOST_CHARACTERS): Stored {
    const masks: (readonly [string, number, number, Runs])[] = [];
    let left = most;
    for (const [clip, mask] of [...this.masks].reverse().slice(0, MOST_MASKS)) {
      left -= JSON.stringify(mask).length;
      if (left < 0) break;
      masks.unshift([clip, ...mask]);
    }
    return masks;
  }
}

/** Row by row: a value, how many pixels have it, the next value, … */
function runsOf({ data }: Mask): number[] {
  const runs: number[] = [];
  for (let k = 0, from = 0; k < data.length; from = k) {
    while (k < data.length && data[k] === data[from]) k++;
    runs.push(data[from]!, k - from);
  }
  return runs;
}

/** The inverse; null for runs that aren't of such a mask. */
function maskOf(width: number, height: number, runs: Runs): Mask | null {
  const mask = new Mask(width, height);
  let at = 0;
  for (let k = 0; k + 1 < runs.length; k += 2) {
    const end = at + runs[k + 1]!;
    mask.data.fill(runs[k]!, at, end);
    at = end;
  }
  return at === mask.data.length ? mask : null;
}

function readable(stored: unknown): Stored {
  if (!Array.isArray(stored)) return [];
  return (stored as Stored).filter(
    (one) => Array.isArray(one) && typeof one[0] === "string" && Array.isArray(one[3]) &&
      one[3].every((value) => Number.isInteger(value) && value >= 0),
  );
}
