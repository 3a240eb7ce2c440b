// What the transport names and acts on: what is heard, or would be if it went on.

import type { Clip } from "./api";
import type { Run } from "./engine";

export interface Heard {
  /** What plays, or goes on with Play; null: Play starts the clip. */
  readonly run: Run | null;
  /** Its clip, or the chosen one; null where it is no clip's sound. */
  readonly clip: Clip | null;
}

/** `passed` is a run that rested when another clip was chosen: it doesn't go on. */
export function heardOf(run: Run | null, playing: boolean, passed: Run | null, chosen: Clip | null): Heard {
  const isHeard = run && (playing || (run.clip ? run.clip.id === chosen?.id : run !== passed || !chosen));
  if (!isHeard) return { run: null, clip: chosen };
  // the chosen one may have been renamed meanwhile
  return { run, clip: run.clip && run.clip.id === chosen?.id ? chosen : run.clip };
}
