import { expect, test } from "vitest";
import { factsOf, hzOf, levelOf, midiName, noteOf, positionIn, secondsOf } from "../src/format";
import type { Clip } from "../src/api";

test("notes by name, with cents where they are heard", () => {
  expect(noteOf(440)).toBe("A4");
  expect(noteOf(261.63)).toBe("C4");
  expect(noteOf(440 * 2 ** (30 / 1200))).toBe("A4 +30");
  expect(noteOf(440 * 2 ** (-30 / 1200))).toBe("A4 −30");
  expect(midiName(60)).toBe("C4");
});

test("frequencies and levels", () => {
  expect(hzOf(82.4)).toBe("82 Hz");
  expect(hzOf(1234)).toBe("1.23 kHz");
  expect(hzOf(12345)).toBe("12.3 kHz");
  expect(levelOf(-12.34)).toBe("−12.3 dB");
  expect(levelOf(-Infinity)).toBe("silent");
});

test("bars and beats count from one", () => {
  const clip = { bpm: 120, beatsPerBar: 4 };
  expect(positionIn(clip, 0)).toBe("1.1.00");
  expect(positionIn(clip, 2.25)).toBe("2.1.50");
  expect(positionIn({ bpm: 90, beatsPerBar: 3 }, 2)).toBe("2.1.00");
  expect(positionIn({ bpm: null, beatsPerBar: 4 }, 2.25)).toBe("2.25 s");
  expect(positionIn({ ...clip, lead: 1.2 }, 0)).toBe("1.3.40");
  expect(positionIn({ ...clip, lead: 1.2 }, 0.8)).toBe("2.1.00");
});

test("the beat on which a float falls just short is that beat", () => {
  expect(positionIn({ bpm: 106, beatsPerBar: 4 }, (60 / 106) * 4 - 1e-12)).toBe("2.1.00");
});

test("seconds and minutes", () => {
  expect(secondsOf(4.2857)).toBe("4.29 s");
  expect(secondsOf(75)).toBe("1:15.0");
  expect(secondsOf(605.04)).toBe("10:05.0");
});

test("facts are those that are known", () => {
  const clip = { bars: 2, bpm: 112, key: "A minor", seconds: 4 } as Clip;
  expect(factsOf(clip)).toBe("2 bars · 112 BPM · A minor");
  expect(factsOf({ ...clip, bars: 1 })).toBe("1 bar · 112 BPM · A minor");
  expect(factsOf({ ...clip, bars: null, bpm: null, key: null })).toBe("4.00 s");
});
