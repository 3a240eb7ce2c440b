import { expect, test } from "vitest";
import { grip, moved } from "../src/brace";

const meter = { bpm: 120, beatsPerBar: 4 };
const brace = { start: 1, end: 2 };

test("a press takes the nearer end, the body, or begins a new brace", () => {
  expect(grip(103, 100, 200, true)).toBe("start");
  expect(grip(195, 100, 200, true)).toBe("end");
  expect(grip(150, 100, 200, true)).toBe("body");
  expect(grip(150, 100, 200, false)).toBe("new");
  expect(grip(300, 100, 200, true)).toBe("new");
});

test("ends snap to beats, and keep a beat between them", () => {
  expect(moved(brace, "end", 2, 3.1, meter, 4)).toEqual({ start: 1, end: 3 });
  expect(moved(brace, "end", 2, 0, meter, 4)).toEqual({ start: 1, end: 1.5 });
  expect(moved(brace, "start", 1, 3.9, meter, 4)).toEqual({ start: 1.5, end: 2 });
});

test("the body keeps its length at the edges", () => {
  expect(moved(brace, "body", 1.5, 9, meter, 4)).toEqual({ start: 3, end: 4 });
  expect(moved(brace, "body", 1.5, -9, meter, 4)).toEqual({ start: 0, end: 1 });
});

test("a new one may be drawn backward, and needs a beat", () => {
  expect(moved(brace, "new", 3, 2, meter, 4)).toEqual({ start: 2, end: 3 });
  expect(moved(brace, "new", 3, 3.1, meter, 4)).toBeNull();
});

test("without snapping it goes where the pointer is", () => {
  expect(moved(brace, "end", 2, 2.345, { bpm: null, beatsPerBar: 4 }, 4)).toEqual({ start: 1, end: 2.345 });
});
