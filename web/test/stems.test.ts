import { describe, expect, it } from "vitest";
import { carried, plain } from "../src/notes/stem_mix";

const [muted, loud, alone] = [{ ...plain(), mute: true }, { ...plain(), db: 4 }, { ...plain(), solo: true }];
const mix = { names: ["piano", "bass", "drums"], channels: [muted, loud, alone] };

describe("the mix of stems", () => {
  it("stays when one is played by another instrument", () => {
    const after = carried(mix, ["piano", "tuba", "drums"]);
    expect(after).toEqual([muted, loud, alone]);
    after[0]!.mute = false;
    expect(muted.mute).toBe(true); // the clip before keeps its own
  });

  it("goes by names where there are other stems", () => {
    expect(carried(mix, ["drums", "piano"])).toEqual([alone, muted]);
    expect(carried(mix, ["flute"])).toEqual([plain()]);
  });
});
