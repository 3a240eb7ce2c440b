// What loops of different lengths are together: their common length, and the sum of them.

export interface Loop {
  readonly channels: readonly Float32Array[];
  readonly beats: number;
  readonly gain: number;
}

export interface Mix {
  readonly channels: Float32Array<ArrayBuffer>[];
  /** By which all was multiplied so that the peak stays below full scale; 1 if it was not. */
  readonly gain: number;
}

/** −1 dB below full scale. */
export const HIGHEST_PEAK = 10 ** (-1 / 20);
const MOST_BEATS = 1024;

/** The beats after which all loops begin together again. */
export function commonBeats(beats: readonly number[]): number {
  return beats.reduce((common, own) => (common * own) / greatestDivisor(common, own), 1);
}

/** What is wrong with a mix of such lengths, in a sentence; else null. */
export function tooLong(beats: readonly number[]): string | null {
  const common = commonBeats(beats);
  return common <= MOST_BEATS
    ? null
    : `These loops meet only every ${common} beats, and ${MOST_BEATS} are the most; ` +
        "take tracks whose bars fit into each other.";
}

/** The sample at which a beat begins. */
export const sampleOfBeat = (beat: number, bpm: number, sampleRate: number): number =>
  Math.round((beat * 60 * sampleRate) / bpm);

/** A loop repeated for so many beats: each turn begins on its own beat, to the sample.
 *
 * A file is rounded to whole samples; a turn that is a sample too long is cut, one that is too
 * short goes on from its beginning.
 */
export function tiled(
  channel: Float32Array,
  beats: number,
  common: number,
  bpm: number,
  sampleRate: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(sampleOfBeat(common, bpm, sampleRate));
  for (let beat = 0; beat < common; beat += beats) {
    const begin = sampleOfBeat(beat, bpm, sampleRate);
    const end = Math.min(out.length, sampleOfBeat(beat + beats, bpm, sampleRate));
    for (let at = begin; at < end; at += channel.length) {
      out.set(channel.subarray(0, Math.min(channel.length, end - at)), at);
    }
  }
  return out;
}

/** The mix of loops over their common beats; one gain for all holds its peak at −1 dBFS. */
export function mixed(loops: readonly Loop[], common: number, bpm: number, sampleRate: number): Mix {
  const nChannels = Math.max(1, ...loops.map((loop) => loop.channels.length));
  const channels = Array.from(
    { length: nChannels },
    () => new Float32Array(sampleOfBeat(common, bpm, sampleRate)),
  );
  for (const loop of loops) {
    channels.forEach((out, k) => {
      const own = loop.channels[Math.min(k, loop.channels.length - 1)]!;
      const turns = tiled(own, loop.beats, common, bpm, sampleRate);
      for (let at = 0; at < out.length; at++) out[at]! += loop.gain * turns[at]!;
    });
  }
  const peak = channels.reduce((most, channel) => Math.max(most, peakOf(channel)), 0);
  const gain = peak > HIGHEST_PEAK ? HIGHEST_PEAK / peak : 1;
  if (gain < 1) for (const channel of channels) channel.forEach((v, k) => (channel[k] = v * gain));
  return { channels, gain };
}

export function peakOf(channel: Float32Array): number {
  let peak = 0;
  for (const value of channel) peak = Math.max(peak, Math.abs(value));
  return peak;
}

export const gainOfDb = (db: number): number => 10 ** (db / 20);
export const dbOfGain = (gain: number): number => 20 * Math.log10(gain);

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}
