import { describe, expect, it } from "vitest";
import { added, changed, freeBar, keyframeOf, removed, requestOf, type Story, storyOf, withBars } from "../src/story/script";
import { toToml } from "../src/story/toml";
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

  it("go with the bars that they stood in, but for the first", () => {
    expect(withBars(story(8, false, 0, 4, 6), 4).keyframes.length).toBe(2);
    expect(withBars(story(8, true, 0, 4, 6), 4).keyframes.length).toBe(1);
  });
});
