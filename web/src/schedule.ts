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

/**
 * The first time at or after `time` at which a bar of the course begins. The seam of a loop counts
 * as one. Without a tempo it is `time` itself.
 */
export function nextDownbeat(course: Course, meter: Meter, time: number): number {
  const bar = barSeconds(meter);
  if (bar === null) return time;
  const p = positionAt(course, time);
  const next = Math.ceil(p / bar - 1e-6) * bar;
  const end = course.loop && course.offset < course.loop.end ? course.loop.end : course.length;
  return time + Math.max(0, Math.min(next, end) - p);
}

/**
 * Where the next clip starts, when it takes over from one at `position`: at the same place in
 * bars, within its own loop (or length).
 */
export function takeOver(position: number, from: Meter, to: Meter, within: Span): number {
  const a = barSeconds(from);
  const b = barSeconds(to);
  const wanted = a !== null && b !== null ? (Math.round((position / a) * 64) / 64) * b : 0;
  const length = within.end - within.start;
  if (length <= 0) return within.start;
  const offset = (((wanted - within.start) % length) + length) % length;
  return within.start + (length - offset < 1e-6 ? 0 : offset);
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
  if (course.loop) {
    source.loop = true;
    source.loopStart = onSample(course.loop.start, buffer.sampleRate);
    source.loopEnd = Math.min(onSample(course.loop.end, buffer.sampleRate), buffer.duration);
  }
  const gain = context.createGain();
  gain.gain.value = level;
  source.connect(gain).connect(to);
  source.start(onSample(course.at, context.sampleRate), onSample(course.offset, buffer.sampleRate));
  return { source, gain };
}

/** Stops a voice at a time of the context's clock, to the sample. */
export function stop(context: BaseAudioContext, voice: Voice, at: number): void {
  voice.source.stop(onSample(at, context.sampleRate));
  voice.source.onended = () => voice.gain.disconnect();
}

/** One voice ends and another begins at the same sample: an A/B switch without a gap. */
export function exchange(
  context: BaseAudioContext,
  old: Voice[],
  buffer: AudioBuffer,
  to: AudioNode,
  course: Pick<Course, "at" | "offset" | "loop">,
  level = 1,
): Voice {
  for (const voice of old) stop(context, voice, course.at);
  return start(context, buffer, to, course, level);
}
