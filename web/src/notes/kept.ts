// Edits that weren't painted, as the browser remembers them: they survive a reload.

import type { Written } from "./doc";
import type { Origin } from "./painting";

/** A score that no clip plays: composed, or from a file. */
export interface Own {
  readonly origin: Origin;
  readonly written: Written;
}

interface Stored {
  readonly edits: readonly (readonly [clip: string, written: Written])[];
  readonly own: Own | null;
  /** The clip that was chosen while the own score was shown; undefined where a clip's was shown. */
  readonly over?: string | null;
}

/** Browsers store some 5 MB for a page. */
const MOST_CHARACTERS = 2e6;

export class KeptNotes {
  private readonly edits: Map<string, Written>;
  own: Own | null;
  over: string | null | undefined;

  constructor(stored: unknown) {
    const { edits, own, over } = readable(stored);
    this.edits = new Map(edits);
    this.own = own;
    this.over = own ? over : undefined;
  }

  of(clip: string): Written | undefined {
    return this.edits.get(clip);
  }

  set(clip: string, written: Written | null): void {
    this.edits.delete(clip);
    if (written) this.edits.set(clip, written);
  }

  /** What is stored: of many edits, the latest. */
  stored(most = MOST_CHARACTERS): Stored {
    const { own, over } = this;
    const edits: [string, Written][] = [];
    let left = most - JSON.stringify(own).length;
    for (const [clip, written] of [...this.edits].reverse()) {
      left -= JSON.stringify(written).length;
      if (left < 0) break;
      edits.unshift([clip, written]);
    }
    return { edits, own, over };
  }
}

function readable(stored: unknown): Stored {
  try {
    const { edits, own, over } = stored as Stored;
    return {
      edits: edits.filter(([clip, written]) => typeof clip === "string" && isWritten(written)),
      own: own && isWritten(own.written) && typeof own.origin.title === "string" ? own : null,
      over,
    };
  } catch {
    return { edits: [], own: null };
  }
}

function isWritten(value: Written): boolean {
  const { score, bars } = value;
  return Array.isArray(bars) && Array.isArray(score.tracks) && Array.isArray(score.sections) &&
    score.tracks.every((track) => Array.isArray(track.notes)) &&
    score.facts.bpm > 0 && score.facts.n_beats > 0 && score.facts.beats_per_bar > 0;
}
