import { expect, test } from "vitest";
import { NotWav, readWav } from "../src/wav";

/** A WAV whose data chunk comes after another one of odd length. */
function wav(kind: number, bits: number, channels: number, data: number[]): ArrayBuffer {
  const text = (s: string) => [...s].map((c) => c.charCodeAt(0));
  const u16 = (n: number) => [n & 255, n >> 8];
  const u32 = (n: number) => [...u16(n & 65535), ...u16(n >>> 16)];
  const width = (bits / 8) * channels;
  const fmt = [...u16(kind), ...u16(channels), ...u32(44100), ...u32(44100 * width), ...u16(width), ...u16(bits)];
  const chunks = [
    ...text("fmt "), ...u32(fmt.length), ...fmt,
    ...text("note"), ...u32(3), 1, 2, 3, 0,
    ...text("data"), ...u32(data.length), ...data,
  ];
  return Uint8Array.from([...text("RIFF"), ...u32(4 + chunks.length), ...text("WAVE"), ...chunks]).buffer;
}

test("16 bits are 32768ths, channels apart, none more and none less", () => {
  const { rate, channels } = readWav(wav(1, 16, 2, [0, 64, 0, 192, 255, 127, 0, 128]));
  expect(rate).toBe(44100);
  expect([...channels[0]!]).toEqual([0.5, Math.fround(32767 / 32768)]);
  expect([...channels[1]!]).toEqual([-0.5, -1]);
});

test("24 bits and floats", () => {
  expect([...readWav(wav(1, 24, 1, [0, 0, 64, 0, 0, 192])).channels[0]!]).toEqual([0.5, -0.5]);
  const half = [...new Uint8Array(Float32Array.of(0.5).buffer)];
  expect([...readWav(wav(3, 32, 1, half)).channels[0]!]).toEqual([0.5]);
});

test("what isn't a WAV is refused", () => {
  expect(() => readWav(new ArrayBuffer(0))).toThrow(NotWav);
  expect(() => readWav(new TextEncoder().encode("ID3 an MP3, not a WAV file").buffer as ArrayBuffer)).toThrow(NotWav);
});

test("a file that ends early gives the samples that are there", () => {
  const whole = wav(1, 16, 1, [1, 0, 2, 0, 3, 0]);
  expect(readWav(whole.slice(0, whole.byteLength - 2)).channels[0]!.length).toBe(2);
});
