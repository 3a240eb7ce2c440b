import { describe, expect, it } from "vitest";
import { Draft } from "../src/story/draft";
import { isBlank, keptOf, storedOf } from "../src/story/kept";
import { added, between, changed, freeBar, keyframeOf, removed, requestOf, type Story, storyOf, withBars } from "../src/story/script";
import { themeFile, toToml, withThemeClip } from "../src/story/toml";
import request from "./story.json";
import script from "./story.toml?raw";

const at = (bar: number) => keyframeOf({ bar, prompt: `p${bar}` });
const story = (bars: number, loop: boolean, ...keyframes: number[]): Story => ({
  keyframes: keyframes.map(at), bars, loop, options: {},
});

describe("a script", () => {
  it("is what riffkit reads", () => {
    // tests/music/test_script.py reads story.toml, and expects story.json
    expect(toToml(storyOf(request), "house")).toBe(script);
  });

  it("is the request again", () => {
    expect(requestOf(storyOf(request))).toEqual(request);
  });

  it("names a clip as a file for the command line, which is the clip again in the studio", () => {
    const text = toToml(story(4, false, 0), themeFile("0afd77ed3181"));
    expect(text).toContain('\ntheme = "theme-0afd77ed3181.wav"\n');
    expect(withThemeClip(text)).toBe(text.replace("theme-0afd77ed3181.wav", "clip:0afd77ed3181"));
    expect(withThemeClip(script)).toBe(script);
  });

  it("can't hold what isn't a number", () => {
    expect(() => toToml({ ...story(4, false, 0), options: { bpm: Number.NaN } })).toThrow("NaN");
  });
});

describe("keyframes", () => {
  it("never stand at the same bar", () => {
    expect(freeBar(story(8, false, 0, 4), 4.2, 1)).toBe(5);
    expect(freeBar(story(8, false, 0, 4), 3.9, 1)).toBe(3);
    expect(freeBar(story(8, false, 0, 4), 4.2, 1, 1)).toBe(4); // where it stands itself
    expect(freeBar(story(8, false, 0, 4), 4.2, 0.25)).toBe(4.25);
    expect(freeBar(story(8, false, 0, 4), -3, 1)).toBe(1);
    expect(freeBar(story(1, true, 0), 0.4, 1)).toBeNull();
  });

  it("may stand at the end, but not of a loop", () => {
    expect(freeBar(story(8, false, 0), 8, 1)).toBe(8);
    expect(freeBar(story(8, true, 0), 8, 1)).toBe(7);
    expect(freeBar(story(8, true, 0), 8, 0.25)).toBe(7.75);
  });

  it("stay in order when they move", () => {
    const moved = changed(story(8, false, 0, 4, 6), 0, { bar: 5 });
    expect(moved.story.keyframes.map((frame) => frame.bar)).toEqual([4, 5, 6]);
    expect(moved.index).toBe(1);
    expect(added(story(8, false, 0, 4), at(2)).index).toBe(1);
    expect(removed(story(8, false, 0, 4), 0).keyframes.map((frame) => frame.bar)).toEqual([4]);
  });

  it("have a way between them, eased, and round in a loop", () => {
    const frames = (easing: "linear" | "smooth" | "hold", loop: boolean): Story => {
      const one = story(8, loop, 0, 4);
      return { ...one, keyframes: one.keyframes.map((frame) => ({ ...frame, easing })) };
    };
    expect(between(frames("linear", false), 1)).toEqual({ before: 0, after: 1, t: 0.25 });
    expect(between(frames("smooth", false), 1).t).toBeCloseTo(0.15625);
    expect(between(frames("hold", false), 3.9).t).toBe(0);
    expect(between(frames("linear", false), 6)).toEqual({ before: 1, after: 1, t: 0 });
    expect(between(frames("linear", true), 6)).toEqual({ before: 1, after: 0, t: 0.5 });
  });

  it("go with the bars that they stood in, but for the first", () => {
    expect(withBars(story(8, false, 0, 4, 6), 4).keyframes.length).toBe(2);
    expect(withBars(story(8, true, 0, 4, 6), 4).keyframes.length).toBe(1);
  });
});

describe("a draft", () => {
  const begun = () => {
    const filled: Story[] = [];
    return { draft: new Draft(() => {}, (one) => filled.push(one)), filled };
  };
  const bars = (draft: Draft): number[] => draft.story.keyframes.map((frame) => frame.bar);

  it("takes typing back in one step, and a drag, too", () => {
    const { draft } = begun();
    for (const prompt of ["p", "pi", "piano"]) draft.change({ prompt }, false);
    draft.commit();
    draft.add(4);
    for (const bar of [5, 6, 7]) draft.change({ bar }, bar === 7, 1);
    expect(bars(draft)).toEqual([0, 7]);
    draft.undo();
    expect(bars(draft)).toEqual([0, 4]);
    draft.undo();
    draft.undo();
    expect([draft.frame.prompt, draft.canUndo]).toEqual(["", false]);
    draft.redo();
    expect([draft.frame.prompt, bars(draft)]).toEqual(["piano", [0]]);
  });

  it("brings back what a shorter story cut off, and tells the form", () => {
    const { draft, filled } = begun();
    draft.add(6);
    draft.setOptions(4, true, { bpm: 90 });
    draft.commit();
    expect(bars(draft)).toEqual([0]);
    draft.undo();
    expect(bars(draft)).toEqual([0, 6]);
    expect(filled.at(-1)).toMatchObject({ bars: 8, loop: false, options: {} });
  });

  it("loses no keyframe while its length is typed", () => {
    const { draft } = begun();
    draft.add(6);
    for (const typed of [1, 16]) draft.setOptions(typed, false, {});
    draft.commit();
    expect([draft.story.bars, bars(draft)]).toEqual([16, [0, 6]]);
    draft.setOptions(1, false, {});
    draft.undo(); // of a length that was only typed so far
    expect([draft.story.bars, bars(draft)]).toEqual([16, [0, 6]]);
    draft.add(10);
    expect(draft.story.bars).toBe(16);
  });

  it("keeps its last keyframe", () => {
    const { draft } = begun();
    expect(draft.remove(0)).toBe(false);
    draft.add(2);
    expect(draft.remove(0)).toBe(true);
    expect(bars(draft)).toEqual([2]);
  });
});

describe("a story that the browser remembers", () => {
  const written = story(8, true, 0, 4);

  it("is the same after a reload", () => {
    const kept = { story: written, theme: "clip:0afd77ed3181", made: { clip: "0afd77ed3181", of: "x" } };
    expect(keptOf(JSON.parse(JSON.stringify(storedOf(kept))))).toEqual(kept);
    const draft = new Draft(() => {}, () => {}, written);
    expect(draft.story).toEqual(written);
    expect(draft.canUndo).toBe(false);
  });

  it("is none where something else was stored", () => {
    for (const stored of [null, 3, {}, { request: { keyframes: [], bars: 4 } }, { request: { keyframes: [{}] } }]) {
      expect(keptOf(stored)).toBeNull();
    }
  });

  it("gives way to a clip's only where it is blank", () => {
    expect(isBlank(new Draft(() => {}, () => {}).story)).toBe(true);
    expect(isBlank(written)).toBe(false);
  });
});
