import { describe, expect, it } from "vitest";
import type { Written } from "../src/notes/doc";
import { KeptNotes } from "../src/notes/kept";
import type { Score } from "../src/notes/score";
import values from "./notes.json";

const score = (values as unknown as { score: Score }).score;
const written: Written = { score, bars: ["Am", "F"] };
const own = { origin: { title: "jazz trio", prompt: "jazz trio", clip: null, request: { seed: 3 }, inputs: {} }, written };
const reloaded = (kept: KeptNotes, most?: number): KeptNotes => new KeptNotes(JSON.parse(JSON.stringify(kept.stored(most))));

describe("notes that weren't painted", () => {
  it("are there after a reload, of clips and of a score without one", () => {
    const kept = new KeptNotes(null);
    kept.set("aaaaaaaaaaaa", written);
    kept.set("bbbbbbbbbbbb", written);
    kept.set("bbbbbbbbbbbb", null);
    [kept.own, kept.over] = [own, null];
    const after = reloaded(kept);
    expect(after.of("aaaaaaaaaaaa")).toEqual(written);
    expect(after.of("bbbbbbbbbbbb")).toBeUndefined();
    expect([after.own, after.over]).toEqual([own, null]);
    kept.over = undefined;
    expect(reloaded(kept).over).toBeUndefined();
  });

  it("are the latest where there is no room for all", () => {
    const kept = new KeptNotes(null);
    for (const clip of ["a", "b", "c"]) kept.set(clip, written);
    kept.set("a", written);
    const after = reloaded(kept, 2.5 * JSON.stringify(written).length);
    expect(["a", "b", "c"].filter((clip) => after.of(clip))).toEqual(["a", "c"]);
  });

  it("are none where something else was stored", () => {
    const bad = { ...written, score: { ...score, tracks: [{}] } };
    for (const stored of [null, 7, {}, { edits: [["a", bad], ["b", {}]], own: null }, { edits: [], own: { written: bad } }]) {
      const kept = new KeptNotes(stored);
      expect([kept.of("a"), kept.of("b"), kept.own, kept.over]).toEqual([undefined, undefined, null, undefined]);
    }
  });
});
