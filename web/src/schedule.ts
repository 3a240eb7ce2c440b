// When sounds start, stop and loop: arithmetic on one clock, and AudioBufferSourceNodes started by it.
//
// Works in an AudioContext and in an OfflineAudioContext alike; the tests render it offline and
// compare with the tiled WAV. All times are seconds: `at` and `time` of the context's clock,
// `offset`, `start`, `end` of the clip. Times are rounded to whole samples, since a node that
// starts between two samples is interpolated and is no longer the WAV.

/** The part that repeats, in seconds of the clip. */
export interface Span {
  start: number;
  end: number;
}

/** Where a clip's bars are. `bpm` null: no tempo is known, and any moment is as good as another. */
export interface Meter {
  bpm: number | null;
  beatsPerBar: number;
  /** Seconds of the first bar that lie before the sound; left out: 0. */
  lead?: number;
}

/** What plays: since `at` (clock) from `offset` (clip), round `loop` if there is one. */
export interface Course {
  at: number;
  offset: number;
  loop: Span | null;
  /** Length of the clip in seconds. */
  length: number;
}

export interface Voice {
  source: AudioBufferSourceNode;
  gain: GainNode;
}

/** Later than any context's clock: a `stop` at this time takes an earlier one back. */
const NEVER = 1e9;

/** The time rounded to a whole sample. */
export function onSample(seconds: number, rate: number): number {
  return Math.round(seconds * rate) / rate;
}

/** Where in the clip the course is at a time: before its start its offset, at its end its length. */
export function positionAt(course: Course, time: number): number {
  const p = course.offset + Math.max(0, time - course.at);
  const { loop } = course;
  if (!loop || course.offset >= loop.end) return Math.min(p, course.length);
  return p < loop.end ? p : loop.start + ((p - loop.start) % (loop.end - loop.start));
}

export function beatSeconds(meter: Meter): number | null {
  return meter.bpm ? 60 / meter.bpm : null;
}

export function barSeconds(meter: Meter): number | null {
  const beat = beatSeconds(meter);
  return beat === null ? null : beat * meter.beatsPerBar;
}

/** The place on the grid of `step` seconds (beats or bars) that `choose` takes by number. */
function onGrid(seconds: number, { lead = 0 }: Meter, step: number, choose: (n: number) => number): number {
  return choose((seconds + lead) / step) * step - lead;
}

/**
 * The first time at or after `time` at which a bar of the course begins. The seam of a loop counts
 * as one. Without a tempo it is `time` itself.
 */
export function nextDownbeat(course: Course, meter: Meter, time: number): number {
  const bar = barSeconds(meter);
  if (bar === null) return time;
  const p = positionAt(course, time);
  const next = onGrid(p, meter, bar, (bars) => Math.ceil(bars - 1e-6));
  const end = course.loop && course.offset < course.loop.end ? course.loop.end : course.length;
  return Math.max(time, course.at) + Math.max(0, Math.min(next, end) - p);
}

/**
 * Where the next clip starts, when it takes over from one at `position`: at the same place in
 * bars, within its own loop (or length). A position at the end of `left` is its start.
 */
export function takeOver(position: number, from: Meter, left: Span, to: Meter, within: Span): number {
  const a = barSeconds(from);
  const b = barSeconds(to);
  if (a === null || b === null || position >= left.end - 1e-4) return within.start;
  const bars = Math.round(((position + (from.lead ?? 0)) / a) * 64) / 64;
  const length = within.end - within.start;
  const place = bars * b - (to.lead ?? 0);
  const past = (((place - within.start) % length) + length) % length;
  return within.start + (length - past < 1e-4 ? 0 : past);
}

/** The nearest beat, within the clip. */
export function snap(seconds: number, meter: Meter, length: number): number {
  const beat = beatSeconds(meter);
  if (beat === null) return Math.min(Math.max(0, seconds), length);
  return Math.min(Math.max(0, onGrid(seconds, meter, beat, Math.round)), length);
}

/**
 * The next beat or bar line on one side, or second without a tempo. Back within a third of a step
 * goes to the line before, so that it moves while it plays, too.
 */
export function neighbor(seconds: number, meter: Meter, by: "beat" | "bar", direction: 1 | -1, length: number): number {
  const step = (by === "bar" ? barSeconds(meter) : beatSeconds(meter)) ?? 1;
  const to = onGrid(seconds, meter, step, (n) =>
    direction > 0 ? Math.floor(n + 1e-6) + 1 : Math.ceil(n - 1 / 3 - 1e-6) - 1);
  return Math.min(Math.max(0, to), length);
}

/**
 * A channel repeated to `length` samples. Copies begin where whole turns fall, to the nearest
 * sample, so that a loop whose tempo doesn't divide the rate stays in time with its neighbors.
 */
export function tiled(samples: Float32Array, length: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(length);
  const turns = Math.max(1, Math.round(length / samples.length));
  for (let turn = 0; turn < turns; turn++) {
    const at = Math.round((turn * length) / turns);
    out.set(samples.subarray(0, Math.min(samples.length, length - at)), at);
  }
  return out;
}

/** Starts a buffer at a time of the context's clock. */
export function start(
  context: BaseAudioContext,
  buffer: AudioBuffer,
  to: AudioNode,
  course: Pick<Course, "at" | "offset" | "loop">,
  level = 1,
): Voice {
  const source = context.createBufferSource();
  source.buffer = buffer;
  setLoop(source, course.loop);
  const gain = context.createGain();
  gain.gain.value = level;
  source.connect(gain).connect(to);
  source.start(onSample(course.at, context.sampleRate), onSample(course.offset, buffer.sampleRate));
  return { source, gain };
}

/** Sets what a source repeats, also while it sounds. */
export function setLoop(source: AudioBufferSourceNode, loop: Span | null): void {
  const { sampleRate, duration } = source.buffer!;
  if (loop) {
    source.loopStart = onSample(loop.start, sampleRate);
    source.loopEnd = Math.min(onSample(loop.end, sampleRate), duration);
  }
  source.loop = loop !== null;
}

/** Stops a voice at a time of the context's clock, to the sample. */
export function stop(context: BaseAudioContext, voice: Voice, at: number): void {
  voice.source.stop(onSample(at, context.sampleRate));
}

/** Takes back a `stop` that isn't due yet. */
export function goOn(voice: Voice): void {
  voice.source.stop(NEVER);
}

/** Voices end and another begins at the same sample: an A/B switch without a gap. */
export function exchange(
  context: BaseAudioContext,
  old: Iterable<Voice>,
  buffer: AudioBuffer,
  to: AudioNode,
  course: Pick<Course, "at" | "offset" | "loop">,
  level = 1,
): Voice {
  for (const voice of old) stop(context, voice, course.at);
  return start(context, buffer, to, course, level);
}
