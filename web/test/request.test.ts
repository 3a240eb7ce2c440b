import { describe, expect, it } from "vitest";
import type { Axes, Clip } from "../src/api";
import { Mask } from "../src/paint/mask";
import { editRequest } from "../src/paint/request";
import { hzToRows } from "../src/paint/spans";

const CLIP = { whole_beats: true, bars: 2, seconds: 4 } as Clip;
const HZ = Array.from({ length: 32 }, (_, k) => 8000 * 0.8 ** k);
const AXES: Axes = { hz: HZ, columns_per_beat: 8, seconds_per_column: 4 / 64, lead_seconds: 0, level_db: [], transpose: 0 };
const masked = (left: number, top: number, right: number, bottom: number): Mask => {
  const mask = new Mask(64, 32);
  mask.fill({ left, top, right, bottom }, 255);
  return mask;
};

describe("an edit", () => {
  it("of a time span or a band is asked for as such", () => {
    const { request, mask } = editRequest(masked(8, 0, 24, 32), { prompt: "piano" }, CLIP, AXES);
    expect({ request, mask }).toEqual({ request: { prompt: "piano", time: [0.5, 1.5] }, mask: false });
    const band = editRequest(masked(0, 4, 64, 9), {}, CLIP, AXES).request;
    expect(Object.keys(band)).toEqual(["freq"]);
    expect(hzToRows(...(band.freq as [number, number]), HZ)).toEqual({ from: 4, to: 9 });
    expect(Object.keys(editRequest(masked(8, 4, 24, 9), {}, CLIP, AXES).request)).toEqual(["time", "freq"]);
    expect(editRequest(masked(0, 0, 64, 32), {}, CLIP, AXES).request).toEqual({ time: [0, 4] });
  });

  it("of anything else sends the mask", () => {
    const mask = masked(8, 4, 24, 9);
    mask.fill({ left: 40, top: 4, right: 41, bottom: 5 }, 128);
    expect(editRequest(mask, {}, CLIP, AXES)).toEqual({ request: {}, mask: true });
    const odd = { ...CLIP, bars: null } as Clip;
    expect(editRequest(masked(8, 4, 24, 9), {}, odd, AXES).mask).toBe(true);
  });

  it("keeps the melody of the whole, or of a rectangle", () => {
    const keeps = { keep_melody: true };
    expect(editRequest(new Mask(64, 32), keeps, CLIP, AXES)).toEqual({ request: keeps, mask: false });
    expect(editRequest(masked(8, 0, 24, 32), keeps, CLIP, AXES).mask).toBe(false);
    const mask = masked(8, 4, 24, 9);
    mask.fill({ left: 40, top: 4, right: 41, bottom: 5 }, 255);
    expect(() => editRequest(mask, keeps, CLIP, AXES)).toThrow("one rectangle");
  });

  it("of nothing says what to do", () => {
    expect(() => editRequest(new Mask(64, 32), {}, CLIP, AXES)).toThrow("Nothing is marked");
  });
});
