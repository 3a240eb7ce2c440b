// Reads a WAV into the very samples that it holds, at its own rate.
//
// `decodeAudioData` would resample to the context's rate, and a loop of 88,200 samples would come
// back with some other number of them: its seam would no longer fit.

export interface Wav {
  rate: number;
  channels: Float32Array<ArrayBuffer>[];
}

export class NotWav extends Error {}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

export function readWav(bytes: ArrayBuffer): Wav {
  const view = new DataView(bytes);
  if (bytes.byteLength < 12 || tag(view, 0) !== "RIFF" || tag(view, 8) !== "WAVE") {
    throw new NotWav("not a WAV file");
  }
  let format = { kind: 0, channels: 0, rate: 0, bits: 0 };
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (tag(view, at) === "fmt ") {
      const kind = view.getUint16(body, true);
      format = {
        kind: kind === EXTENSIBLE ? view.getUint16(body + 24, true) : kind,
        channels: view.getUint16(body + 2, true),
        rate: view.getUint32(body + 4, true),
        bits: view.getUint16(body + 14, true),
      };
    } else if (tag(view, at) === "data") {
      return samples(view, body, Math.min(size, bytes.byteLength - body), format);
    }
    at = body + size + (size % 2);
  }
  throw new NotWav("a WAV file without samples");
}

function samples(
  view: DataView, start: number, size: number,
  format: { kind: number; channels: number; rate: number; bits: number },
): Wav {
  const width = format.bits / 8;
  const read = reader(view, format.kind, format.bits);
  if (!read || !format.channels) throw new NotWav(`a WAV of ${format.bits} bits can't be read here`);
  const n = Math.floor(size / (width * format.channels));
  const channels = Array.from({ length: format.channels }, () => new Float32Array(n));
  let at = start;
  for (let i = 0; i < n; i++) {
    for (const channel of channels) {
      channel[i] = read(at);
      at += width;
    }
  }
  return { rate: format.rate, channels };
}

function reader(view: DataView, kind: number, bits: number): ((at: number) => number) | null {
  if (kind === FLOAT && bits === 32) return (at) => view.getFloat32(at, true);
  if (kind !== PCM) return null;
  if (bits === 16) return (at) => view.getInt16(at, true) / 32768;
  if (bits === 24) {
    return (at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8388608;
  }
  if (bits === 32) return (at) => view.getInt32(at, true) / 2147483648;
  return bits === 8 ? (at) => (view.getUint8(at) - 128) / 128 : null;
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}

const HEADER = 44;
const BYTES = 3;
const FULL_SCALE = 2 ** 23;

/**
 * A WAV of 24 bits: samples are rounded to the nearest of 2^24 steps from −1 to 1, and clipped
 * beyond. `readWav` gives them back within 2^-24.
 */
export function writeWav({ rate, channels }: Wav): ArrayBuffer {
  const count = channels[0]?.length ?? 0;
  const block = channels.length * BYTES;
  const size = count * block;
  const padding = size % 2;
  const bytes = new ArrayBuffer(HEADER + size + padding);
  const view = new DataView(bytes);
  const word = (at: number, text: string) =>
    [...text].forEach((letter, k) => view.setUint8(at + k, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, HEADER - 8 + size + padding, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * block, true);
  view.setUint16(32, block, true);
  view.setUint16(34, BYTES * 8, true);
  word(36, "data");
  view.setUint32(40, size, true);
  let at = HEADER;
  for (let sample = 0; sample < count; sample++) {
    for (const channel of channels) {
      const value = Math.round(channel[sample]! * FULL_SCALE);
      const held = Math.min(Math.max(value, -FULL_SCALE), FULL_SCALE - 1);
      view.setUint16(at, held & 0xffff, true);
      view.setInt8(at + 2, held >> 16);
      at += BYTES;
    }
  }
  return bytes;
}
