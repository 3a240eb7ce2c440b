import { expect, test } from "vitest";
import { clockOf, hzMarks, noteMarks, noteOfHz, rowOf, timeMarks } from "../src/axes";

test("bars are strong and numbered, beats between them", () => {
  const marks = timeMarks(4, { bpm: 120, beatsPerBar: 4 }, 100);
  expect(marks.map((m) => m.weight)).toEqual([2, 1, 1, 1, 2, 1, 1, 1]);
  expect(marks[4]).toEqual({ at: 2, text: "2", weight: 2 });
  expect(marks[1]!.text).toBe("1.2");
});

test("far out, beats and most numbers are left out", () => {
  const marks = timeMarks(400, { bpm: 120, beatsPerBar: 4 }, 2);
  expect(marks.every((m) => m.weight === 2)).toBe(true);
  expect(marks.filter((m) => m.text).map((m) => m.text).slice(0, 3)).toEqual(["1", "9", "17"]);
});

test("columns lie as in the image where no axes were fetched, as in small pictures", () => {
  // 9 s of sound, in an image of 6 bars that begins 1.2 s before it
  const clip = { bpm: 120, beats: 24, seconds: 9, image: { width: 24 * 64, height: 512 } };
  expect(clockOf(clip, null, 1.2)).toEqual({ step: 0.5 / 64, lead: 1.2 });
  expect(clockOf({ ...clip, bpm: null, beats: null }, null).step).toBeCloseTo(9 / 1536, 12);
});

test("without a tempo it is seconds", () => {
  expect(timeMarks(3, { bpm: null, beatsPerBar: 4 }, 60).map((m) => m.text)).toEqual(["0 s", "1 s", "2 s"]);
});

test("a frequency's row, and its note", () => {
  const hz = [1000, 500, 250];
  expect(rowOf(hz, 500)).toBe(1.5);
  expect(rowOf(hz, 750)).toBe(1);
  expect(rowOf(hz, 2000)).toBeNull();
  expect(noteOfHz(440)).toBe(69);
});

test("numbers of the axis don't touch", () => {
  const hz = Array.from({ length: 512 }, (_, i) => 16000 - i * 31);
  for (const marks of [hzMarks(hz, 300), noteMarks(hz, 300)]) {
    const ys = marks.map((m) => (m.at / 512) * 300);
    expect(ys.length).toBeGreaterThan(2);
    ys.slice(1).forEach((y, i) => expect(y - ys[i]!).toBeGreaterThanOrEqual(15));
  }
});
