// What is asked of the server when a score or its chords are painted again.

import type { Clip, Job, Words } from "../api";
import { lineOf } from "./chords";
import type { Written } from "./doc";

/** What the shown score came from. */
export interface Origin {
  readonly title: string;
  readonly prompt: string;
  /** The clip that plays it, where one does. */
  readonly clip: Clip | null;
  /** The request that made it, and its inputs. */
  readonly request: Words;
  readonly inputs: Record<string, string>;
}

/** A score brings these itself, or they were already applied to it. */
const OF_THE_SCORE = [
  "chords", "bars", "duration", "track", "humanize", "replace", "bpm", "key", "beats_per_bar",
];
/** Of requests that other tasks make; `generate` has no such fields. */
const NOTES_INPUTS = ["score", "melody", "drums"];

export function originOf(clip: Clip, job: Job | null): Origin {
  const made = job?.task === "generate" ? job : null;
  return {
    title: clip.title, prompt: clip.prompt, clip,
    request: known({ ...made?.request, seed: clip.seed }), inputs: made?.inputs ?? {},
  };
}

/** `generate` of a stored score with the same words and seed. */
export function notesRequest(origin: Origin, prompt: string, upload: string) {
  return {
    request: { ...without(origin.request, OF_THE_SCORE), prompt },
    inputs: { ...without(origin.inputs, NOTES_INPUTS), score: `upload:${upload}` },
  };
}

/** `generate` over other chords: notes are composed for them by the same words and seed. */
export function chordsRequest(origin: Origin, prompt: string, written: Written) {
  return {
    request: {
      ...without(origin.request, ["track", "duration"]),
      prompt, chords: lineOf(written.bars), bars: written.bars.length,
    },
    inputs: without(origin.inputs, ["score"]),
  };
}

/** Fields of `compose` for the same music over other chords. */
export function composeRequest(origin: Origin, prompt: string, { score, bars }: Written): Words {
  const { bpm, beats_per_bar, key, mode } = score.facts;
  return known({
    prompt, chords: lineOf(bars), bars: bars.length, bpm, beats_per_bar,
    key: key && mode ? `${key} ${mode}` : null, seed: origin.request.seed,
  });
}

function without<Value>(values: Record<string, Value>, names: string[]): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

function known(values: Words): Words {
  const said = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(said);
}
