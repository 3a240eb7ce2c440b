import { describe, expect, it } from "vitest";
import type { Clip } from "../src/api";
import {
  barToColumn, columnToBar, columnToSeconds, hzToRows, readout, rowsToHz, secondsToColumn, snapped, type Time,
} from "../src/paint/spans";

const TIME: Time = { width: 512, columnsPerBeat: 64, beatsPerBar: 4, secondsPerColumn: 0.5 / 64, leadSeconds: 0.5 };
const HZ = Array.from({ length: 88 }, (_, k) => 440 * 2 ** ((39 - k) / 12)); // C8 down to A0

describe("a span", () => {
  it("snaps to beats or bars, from either side, and is never empty", () => {
    expect(snapped(60, 130, TIME, "beats")).toEqual({ from: 64, to: 128 });
    expect(snapped(130, 60, TIME, "beats")).toEqual({ from: 64, to: 128 });
    expect(snapped(130, 135, TIME, "beats")).toEqual({ from: 128, to: 192 });
    expect(snapped(130, 135, TIME, "bars")).toEqual({ from: 0, to: 256 });
    expect(snapped(-20, 900, TIME, "beats")).toEqual({ from: 0, to: 512 });
    expect(snapped(512, 512, TIME, "beats")).toEqual({ from: 448, to: 512 });
    expect(snapped(130.2, 134.7, TIME, "off")).toEqual({ from: 130, to: 135 });
    expect(snapped(512, 512, TIME, "off")).toEqual({ from: 511, to: 512 });
  });

  it("is free without a tempo", () => {
    const free = { ...TIME, columnsPerBeat: null };
    expect(snapped(60, 130, free, "beats")).toEqual({ from: 60, to: 130 });
  });

  it("is counted in bars from 1", () => {
    for (const column of [0, 17, 256, 512]) {
      expect(barToColumn(columnToBar(column, TIME), TIME)).toBe(column);
    }
    expect(columnToBar(384, TIME)).toBe(2.5);
    expect([0, 64].map((column) => columnToSeconds(column, TIME))).toEqual([-0.5, 0]);
    expect(secondsToColumn(0.25, TIME)).toBe(96);
  });

  it("has the rows between two frequencies, and limits that choose the same rows again", () => {
    for (let from = 0; from < HZ.length; from += 5) {
      for (let to = from + 1; to <= HZ.length; to += 7) {
        const { low, high } = rowsToHz({ from, to }, HZ);
        expect(hzToRows(low, high, HZ)).toEqual({ from, to });
      }
    }
    expect(hzToRows(441, 450, HZ)).toBeNull();
    expect(hzToRows(1, 20, HZ)).toBeNull();
    expect(hzToRows(9000, 20000, HZ)).toBeNull();
    expect(hzToRows(440, 440, HZ)).toEqual({ from: 39, to: 40 });
  });

  it("is read out in bars, seconds, hertz and notes", () => {
    const axes = { hz: HZ, columns_per_beat: 64, seconds_per_column: 0.5 / 64, lead_seconds: 0.5, level_db: [], transpose: 0 };
    const clip = { bpm: 120, beats_per_bar: 4, image: { width: 512 } } as Clip;
    expect(readout({ left: 256, right: 400, top: 27, bottom: 40 }, clip, axes)).toBe(
      "2.1.00 to 2.3.25 · 1.50 to 2.63 s · 440 Hz to 880 Hz · A4 to A5",
    );
  });
});
