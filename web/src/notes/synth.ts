// A plain synthesizer: a score as sound at once, before it is painted.
//
// Notes are added up from wavetables and noise, round the score's length: what rings past the end
// is heard at the beginning, so that the buffer loops without a seam.

import { drumName, sectionOf } from "./drums";
import type { Note, Track } from "./score";
import { isDrums } from "./score";

interface Voice {
  /** Amplitudes of the harmonics, the fundamental first. */
  readonly harmonics: readonly number[];
  /** Seconds to full level; to fall by 60 dB while held, if it does; to fall when let go. */
  readonly attack: number;
  readonly decay: number | null;
  readonly release: number;
}

const saw = (n: number, slope: number): number[] =>
  Array.from({ length: n }, (_, k) => (k + 1) ** -slope);
const PLUCKED: Voice = { harmonics: saw(8, 1.5), attack: 0.004, decay: 2, release: 0.12 };
const HELD: Voice = { harmonics: saw(12, 1.1), attack: 0.03, decay: null, release: 0.1 };
const SOFT: Voice = { harmonics: saw(6, 1.4), attack: 0.12, decay: null, release: 0.3 };
const FLUTE: Voice = { harmonics: [1, 0.25, 0.12, 0.05], attack: 0.04, decay: null, release: 0.1 };
const BASS: Voice = { harmonics: saw(10, 1.2), attack: 0.006, decay: 3, release: 0.06 };

const LEVEL = 0.16;
const USUAL_DB = -18;
const FALL = Math.log(1000);
const TABLE = 2048;

/** What a track plays in a score of so many beats: mono, and exactly as long as they last. */
export function renderTrack(
  track: Track, bpm: number, beats: number, rate: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.round((beats * 60 * rate) / bpm));
  for (const note of track.notes) renderNote(out, track, note, bpm, rate);
  return out;
}

/** One note alone, as it is heard when it is drawn. */
export function renderSample(track: Track, note: Note, rate: number): Float32Array<ArrayBuffer> {
  const brief: Note = [0, 0.5, note[2], note[3]];
  return renderTrack({ ...track, notes: [brief] }, 60, isDrums(track) ? 1.2 : 1, rate);
}

function renderNote(out: Float32Array, track: Track, note: Note, bpm: number, rate: number): void {
  const [start, duration, pitch, velocity] = note;
  const at = Math.round((start * 60 * rate) / bpm);
  const level = LEVEL * (velocity / 127) ** 1.5 * 10 ** ((track.level_db - USUAL_DB) / 40);
  if (isDrums(track)) addDrum(out, at, pitch, level, rate);
  else addTone(out, at, voiceOf(track), pitch, (duration * 60) / bpm, level, rate);
}

/** By General MIDI's families of eight programs. */
function voiceOf({ role, program }: Track): Voice {
  const family = program >> 3;
  if (family === 4 || role === "bass") return BASS;
  if (family <= 1 || family === 3 || family === 13 || program === 45 || program === 46) {
    return PLUCKED;
  }
  if (family === 9) return FLUTE;
  return family === 6 || family === 11 || role === "pad" ? SOFT : HELD;
}

function addTone(
  out: Float32Array, at: number, voice: Voice, pitch: number, seconds: number, level: number,
  rate: number,
): void {
  const hz = 440 * 2 ** ((pitch - 69) / 12);
  const most = Math.max(1, Math.min(voice.harmonics.length, Math.floor((0.45 * rate) / hz)));
  const table = tableOf(voice, most);
  const held = Math.round(Math.max(seconds, voice.attack) * rate);
  const length = Math.min(held + Math.round(voice.release * rate), 4 * out.length);
  const step = (hz * TABLE) / rate;
  const attack = voice.attack * rate;
  const falling = voice.decay === null ? 1 : Math.exp(-FALL / (voice.decay * rate));
  const leaving = Math.exp(-FALL / (voice.release * rate));
  let phase = 0;
  let amplitude = level;
  let place = at % out.length;
  for (let k = 0; k < length; k++) {
    out[place]! += table[phase & (TABLE - 1)]! * amplitude * (k < attack ? k / attack : 1);
    phase += step;
    amplitude *= k < held ? falling : leaving;
    if (++place === out.length) place = 0;
  }
}

const tables = new Map<Voice, Map<number, Float32Array>>();

/** One period with so many harmonics, at most 1. */
function tableOf(voice: Voice, most: number): Float32Array {
  const own = tables.get(voice) ?? new Map<number, Float32Array>();
  tables.set(voice, own);
  const known = own.get(most);
  if (known) return known;
  const table = new Float32Array(TABLE);
  for (let k = 0; k < TABLE; k++) {
    for (let h = 1; h <= most; h++) {
      table[k]! += voice.harmonics[h - 1]! * Math.sin((2 * Math.PI * h * k) / TABLE);
    }
  }
  const peak = table.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  own.set(most, table.map((value) => value / peak));
  return own.get(most)!;
}

interface Drum {
  /** Of a tone that falls, in Hz; null for noise alone. */
  readonly tone: readonly [from: number, to: number] | null;
  /** Of noise beside it, and how bright: 0 is white, 1 is only the highest. */
  readonly noise: number;
  readonly bright: number;
  readonly seconds: number;
  readonly level: number;
}

const DRUMS: Record<string, Drum> = {
  kick: { tone: [150, 48], noise: 0, bright: 0, seconds: 0.3, level: 3 },
  snare: { tone: [210, 170], noise: 0.8, bright: 0.4, seconds: 0.2, level: 1.2 },
  toms: { tone: [190, 95], noise: 0, bright: 0, seconds: 0.35, level: 2 },
  hats: { tone: null, noise: 1, bright: 0.95, seconds: 0.08, level: 0.9 },
  ride: { tone: null, noise: 1, bright: 0.9, seconds: 0.5, level: 0.5 },
  crash: { tone: null, noise: 1, bright: 0.7, seconds: 1.1, level: 0.7 },
  shakers: { tone: null, noise: 1, bright: 0.9, seconds: 0.09, level: 0.6 },
  "hand percussion": { tone: [430, 340], noise: 0.1, bright: 0.5, seconds: 0.15, level: 1.2 },
};
const OPEN_HAT_SECONDS = 0.4;

function addDrum(out: Float32Array, at: number, pitch: number, level: number, rate: number): void {
  const drum = DRUMS[sectionOf(pitch)]!;
  const seconds = drumName(pitch) === "Open hat" ? OPEN_HAT_SECONDS : drum.seconds;
  const length = Math.min(Math.round(seconds * rate), out.length);
  const falling = Math.exp(-FALL / length);
  const random = noise(pitch);
  let amplitude = level * drum.level;
  let before = 0;
  let phase = 0;
  let place = at % out.length;
  for (let k = 0; k < length; k++) {
    const white = random();
    let value = drum.noise * (white - drum.bright * before);
    before = white;
    if (drum.tone) {
      const [from, to] = drum.tone;
      phase += (to + (from - to) * Math.exp((-12 * k) / length)) / rate;
      value += Math.sin(2 * Math.PI * phase);
    }
    out[place]! += value * amplitude;
    amplitude *= falling;
    if (++place === out.length) place = 0;
  }
}

/** Noise from −1 to 1, the same each time: Marsaglia's xorshift of 32 bits. */
function noise(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}
