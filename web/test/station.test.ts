import { describe, expect, it } from "vitest";
import type { Clip } from "../src/api";
import { commonBeats, HIGHEST_PEAK, mixed, peakOf, sampleOfBeat, tiled, tooLong } from "../src/station/mixing";
import { gainOf, refusal, semitonesOf, shifted, stationOf, tempoOf } from "../src/station/tracks";
import { readWav, writeWav } from "../src/wav";

const ramp = (n: number, scale = 1) => Float32Array.from({ length: n }, (_, k) => (scale * k) / n);

describe("a WAV of 24 bits", () => {
  it("gives back its samples within a step, and its rate", () => {
    const left = Float32Array.from({ length: 501 }, (_, k) => Math.sin(k));
    const back = readWav(writeWav({ rate: 44100, channels: [left, ramp(501)] }));
    expect([back.rate, back.channels.length]).toEqual([44100, 2]);
    left.forEach((value, k) => {
      expect(Math.abs(back.channels[0]![k]! - value)).toBeLessThanOrEqual(2 ** -23);
    });
    expect(readWav(writeWav({ rate: 8000, channels: back.channels })).channels).toEqual(back.channels);
  });

  it("clips what is beyond full scale, and pads an odd size", () => {
    const bytes = writeWav({ rate: 8000, channels: [Float32Array.of(1.5, -1.5, 0)] });
    expect(bytes.byteLength % 2).toBe(0);
    expect([...readWav(bytes).channels[0]!]).toEqual([1 - 2 ** -23, -1, 0]);
  });
});

describe("loops together", () => {
  it("meet after the beats that all fit into", () => {
    expect(commonBeats([4, 8, 16])).toBe(16);
    expect(commonBeats([8, 6])).toBe(24);
    expect(tooLong([8, 16])).toBeNull();
    expect(tooLong([1021, 16])).toContain("16336 beats");
  });

  it("turn on their beats, to the sample, at a tempo that no sample count divides", () => {
    const [bpm, rate, beats] = [97, 44100, 4];
    const length = sampleOfBeat(beats, bpm, rate);
    const turns = tiled(ramp(length), beats, 400, bpm, rate);
    expect(turns.length).toBe(sampleOfBeat(400, bpm, rate));
    for (let turn = 0; turn < 100; turn++) {
      expect(turns[sampleOfBeat(turn * beats, bpm, rate)]).toBe(0);
    }
  });

  it("are their sum, with gains, and a mono track is on both sides", () => {
    const one = ramp(2000, 0.2);
    const two = ramp(1000, 0.3);
    const { channels, gain } = mixed(
      [{ channels: [one, one.map((v) => -v)], beats: 4, gain: 0.5 }, { channels: [two], beats: 2, gain: 1 }],
      4, 120, 1000,
    );
    expect([gain, channels.length, channels[0]!.length]).toEqual([1, 2, 2000]);
    for (const k of [0, 999, 1000, 1999]) {
      expect(channels[0]![k]).toBeCloseTo(0.5 * one[k]! + two[k % 1000]!, 6);
      expect(channels[1]![k]).toBeCloseTo(-0.5 * one[k]! + two[k % 1000]!, 6);
    }
  });

  it("stay under −1 dBFS by one gain, which is said", () => {
    const loud = { channels: [ramp(1000, 0.9)], beats: 2, gain: 1 };
    const { channels, gain } = mixed([loud, loud], 2, 120, 1000);
    expect(peakOf(channels[0]!)).toBeCloseTo(HIGHEST_PEAK, 6);
    expect(gain).toBeCloseTo(HIGHEST_PEAK / (1.8 * 0.999), 5);
  });
});

describe("the station's tracks", () => {
  const track = { clip: "a", mute: false, solo: false, db: 0, shift: 0 };
  const clip = { title: "Rain", bpm: 112, beats: 8, whole_beats: true, key: "A minor" } as Clip;

  it("are heard unless they are muted, or another has solo", () => {
    const tracks = [track, { ...track, mute: true }, { ...track, db: -6 }];
    expect(tracks.map((_, at) => gainOf(tracks, at))).toEqual([1, 0, expect.closeTo(0.501, 3)]);
    const alone = [track, { ...track, solo: true, mute: true }];
    expect(alone.map((_, at) => gainOf(alone, at))).toEqual([0, 1]);
  });

  it("are tuned to the key, and by hand", () => {
    expect(semitonesOf(clip, track, "C major")).toBe(0);
    expect(semitonesOf(clip, { ...track, shift: -3 }, "B minor")).toBe(-1);
    expect(semitonesOf({ ...clip, key: null }, track, "B minor")).toBe(0);
    expect([shifted(12, 1), shifted(-12, -1), shifted(0, 1)]).toEqual([12, -12, 1]);
  });

  it("are loops of whole beats", () => {
    expect(refusal(clip)).toBeNull();
    for (const change of [{ bpm: null }, { beats: null }, { whole_beats: false }]) {
      expect(refusal({ ...clip, ...change })).toContain("“Rain” isn't a loop of whole beats");
    }
  });

  it("are what was stored, without what can't be one", () => {
    const stored = { bpm: 100, key: "A minor", tracks: [track, { clip: 3 }, { clip: "b", db: "x" }] };
    expect(stationOf(stored)).toEqual({ ...stored, tracks: [track, { ...track, clip: "b" }] });
    for (const value of [null, "", [], {}, { tracks: [null] }]) {
      expect(stationOf(value)).toEqual({ bpm: null, key: null, tracks: [] });
    }
  });
});

describe("the station's tempo", () => {
  it("is from 20 to 400 BPM, or the first track's", () => {
    expect([tempoOf("20"), tempoOf("400"), tempoOf("97.5"), tempoOf(" ")]).toEqual([20, 400, 97.5, null]);
    for (const typed of ["9999", "19.9", "0", "-90", "fast", "Infinity"]) {
      expect(() => tempoOf(typed)).toThrow("from 20 to 400 BPM");
    }
  });

  it("isn't taken from the browser where it can't be one", () => {
    expect(stationOf({ bpm: 9999, key: null, tracks: [] }).bpm).toBeNull();
    expect(stationOf({ bpm: 120, key: null, tracks: [] }).bpm).toBe(120);
  });
});
