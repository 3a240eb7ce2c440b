import { describe, expect, test } from "vitest";
import {
  barSeconds, neighbor, nextDownbeat, onSample, positionAt, snap, takeOver, tiled, type Course, type Meter,
} from "../src/schedule";

const at120: Meter = { bpm: 120, beatsPerBar: 4 };
const twoBars: Course = { at: 10, offset: 0, loop: { start: 0, end: 4 }, length: 4 };

describe("position", () => {
  test("goes round the loop for ever", () => {
    expect(positionAt(twoBars, 10)).toBe(0);
    expect(positionAt(twoBars, 13.5)).toBe(3.5);
    expect(positionAt(twoBars, 14)).toBe(0);
    expect(positionAt(twoBars, 10 + 4 * 20 + 1)).toBeCloseTo(1, 9);
  });

  test("enters a brace from before it, and stays inside", () => {
    const course = { at: 0, offset: 0, loop: { start: 2, end: 3 }, length: 4 };
    expect(positionAt(course, 2.5)).toBe(2.5);
    expect(positionAt(course, 3.25)).toBe(2.25);
  });

  test("is its offset before the start, and the end without a loop", () => {
    expect(positionAt({ ...twoBars, offset: 1 }, 9)).toBe(1);
    expect(positionAt({ ...twoBars, loop: null }, 99)).toBe(4);
  });
});

describe("next downbeat", () => {
  test("is the next bar line, or now on one", () => {
    expect(nextDownbeat(twoBars, at120, 10.3)).toBeCloseTo(12, 9);
    expect(nextDownbeat(twoBars, at120, 12)).toBeCloseTo(12, 9);
    expect(nextDownbeat(twoBars, at120, 13.9)).toBeCloseTo(14, 9);
  });

  test("is the seam of a brace that ends before the bar does", () => {
    const course = { ...twoBars, loop: { start: 0.5, end: 1.5 } };
    expect(nextDownbeat(course, at120, 11.2)).toBeCloseTo(11.5, 9);
  });

  test("is at once without a tempo", () => {
    expect(nextDownbeat(twoBars, { bpm: null, beatsPerBar: 4 }, 10.3)).toBe(10.3);
  });

  test("counts three beats in a waltz", () => {
    const waltz = { bpm: 90, beatsPerBar: 3 };
    const course = { at: 0, offset: 0, loop: { start: 0, end: 8 }, length: 8 };
    expect(barSeconds(waltz)).toBeCloseTo(2, 9);
    expect(nextDownbeat(course, waltz, 2.1)).toBeCloseTo(4, 9);
  });
});

describe("taking over", () => {
  const whole = { start: 0, end: 4 };

  test("goes on at the same bar", () => {
    expect(takeOver(2, at120, whole, at120, whole)).toBeCloseTo(2, 9);
  });

  test("the end of a loop is the start of the other", () => {
    expect(takeOver(4, at120, whole, at120, { start: 0, end: 8 })).toBe(0);
  });

  test("counts in bars, not in seconds", () => {
    expect(takeOver(2, at120, whole, { bpm: 60, beatsPerBar: 4 }, { start: 0, end: 8 })).toBeCloseTo(4, 9);
  });

  test("wraps in a shorter one, and stays in its brace", () => {
    expect(takeOver(6, at120, { start: 0, end: 8 }, at120, whole)).toBeCloseTo(2, 9);
    expect(takeOver(2, at120, whole, at120, { start: 2, end: 4 })).toBeCloseTo(2, 9);
  });

  test("without a tempo it begins", () => {
    expect(takeOver(2, { bpm: null, beatsPerBar: 4 }, whole, at120, whole)).toBe(0);
  });
});

test("times lie on samples", () => {
  expect(onSample(0.1, 44100) * 44100).toBeCloseTo(4410, 9);
  expect(Number.isInteger(Math.round(onSample(1.2345678, 44100) * 44100 * 1e6) / 1e6)).toBe(true);
});

test("places snap to beats, freely without a tempo", () => {
  expect(snap(0.7, at120, 4)).toBe(0.5);
  expect(snap(9, at120, 4)).toBe(4);
  expect(snap(0.7, { bpm: null, beatsPerBar: 4 }, 4)).toBe(0.7);
});

test("a shorter loop is repeated, each turn at the nearest sample", () => {
  const turn = Float32Array.from({ length: 10 }, (_, i) => i + 1);
  const long = tiled(turn, 31);
  expect([long[0], long[10], long[21]]).toEqual([1, 1, 1]);
  expect(long.length).toBe(31);
});

describe("a clip that begins within a bar", () => {
  // bars begin at 0.8, 2.8 …; beats at 0.3, 0.8, 1.3 …
  const late: Meter = { ...at120, lead: 1.2 };
  const course: Course = { at: 10, offset: 0, loop: { start: 0, end: 9 }, length: 9 };

  test("snaps to the beats that are drawn", () => {
    expect(snap(0.9, late, 9)).toBeCloseTo(0.8, 9);
    expect(snap(0.04, late, 9)).toBe(0);
    expect(snap(8.9, late, 9)).toBeCloseTo(8.8, 9);
  });

  test("has its downbeats there, and the seam", () => {
    expect(nextDownbeat(course, late, 10.1)).toBeCloseTo(10.8, 9);
    expect(nextDownbeat(course, late, 10.9)).toBeCloseTo(12.8, 9);
    expect(nextDownbeat(course, late, 18.9)).toBeCloseTo(19, 9);
  });

  test("moves by its beats and bars", () => {
    expect(neighbor(0, late, "beat", 1, 9)).toBeCloseTo(0.3, 9);
    expect(neighbor(0.8, late, "bar", 1, 9)).toBeCloseTo(2.8, 9);
    expect(neighbor(2.8, late, "beat", -1, 9)).toBeCloseTo(2.3, 9);
    expect(neighbor(0.8, late, "bar", -1, 9)).toBe(0);
    expect(neighbor(8.9, late, "bar", 1, 9)).toBe(9);
  });

  test("takes over at the same place in bars, whatever the other's lead is", () => {
    const whole = { start: 0, end: 8 };
    expect(takeOver(2.8, late, { start: 0, end: 9 }, at120, whole)).toBeCloseTo(4, 9);
    expect(takeOver(4, at120, whole, late, { start: 0, end: 9 })).toBeCloseTo(2.8, 9);
    expect(takeOver(2.8, late, { start: 0, end: 9 }, late, { start: 0, end: 9 })).toBeCloseTo(2.8, 9);
  });
});

test("moving while it plays goes back over the line just passed", () => {
  expect(neighbor(1.1, at120, "beat", -1, 4)).toBe(0.5);
  expect(neighbor(1.3, at120, "beat", -1, 4)).toBe(1);
  expect(neighbor(1.3, at120, "bar", 1, 4)).toBe(2);
  expect(neighbor(1.3, { bpm: null, beatsPerBar: 4 }, "beat", 1, 4)).toBe(2);
});
