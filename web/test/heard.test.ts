import { describe, expect, it } from "vitest";
import type { Clip } from "../src/api";
import type { Run } from "../src/engine";
import { heardOf } from "../src/heard";

const clip = (id: string) => ({ id }) as Clip;
const run = (of: Clip | null) => ({ owner: "x", clip: of, meter: { bpm: 96, beatsPerBar: 4 }, length: 4, sources: [] }) as Run;
const [a, b] = [clip("a"), clip("b")];

describe("the transport", () => {
  it("names what plays, whatever is chosen", () => {
    for (const playing of [run(a), run(null)]) {
      expect(heardOf(playing, true, null, b)).toEqual({ run: playing, clip: playing.clip });
      expect(heardOf(playing, true, playing, b)).toEqual({ run: playing, clip: playing.clip });
    }
  });

  it("knows a clip by its new name", () => {
    const renamed = { ...a, title: "new" };
    expect(heardOf(run(a), true, null, renamed).clip).toBe(renamed);
  });

  it("names what goes on: a resting run, until another clip is chosen", () => {
    const notes = run(null);
    expect(heardOf(notes, false, null, a)).toEqual({ run: notes, clip: null });
    expect(heardOf(notes, false, notes, a)).toEqual({ run: null, clip: a });
    expect(heardOf(run(a), false, null, b)).toEqual({ run: null, clip: b });
    expect(heardOf(notes, false, notes, null)).toEqual({ run: notes, clip: null });
    expect(heardOf(null, false, null, null)).toEqual({ run: null, clip: null });
  });
});
