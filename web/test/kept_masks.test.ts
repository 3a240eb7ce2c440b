import { describe, expect, it } from "vitest";

import { KeptMasks } from "../src/paint/kept";
import { Mask } from "../src/paint/mask";

function painted(width = 40, height = 30): Mask {
  const mask = new Mask(width, height);
  mask.fill({ left: 3, top: 2, right: 17, bottom: 9 }, 255);
  mask.data[5 * width + 20] = 77; // a brush's soft edge
  mask.data[width * height - 1] = 1;
  return mask;
}

const again = (kept: KeptMasks, most?: number): KeptMasks =>
  new KeptMasks(JSON.parse(JSON.stringify(kept.stored(most))));

describe("masks that are kept", () => {
  it("come back as they were, each with its clip", () => {
    const kept = new KeptMasks(null);
    kept.set("a", painted());
    kept.set("b", new Mask(5, 5, new Uint8ClampedArray(25).fill(255)));
    const back = again(kept);
    expect(back.of("a", 40, 30)!.data).toEqual(painted().data);
    expect(back.of("b", 5, 5)!.data.every((value) => value === 255)).toBe(true);
    expect(back.of("c", 5, 5)).toBeNull();
    expect(back.of("a", 30, 40)).toBeNull();
  });

  it("are the latest where there are too many or too much", () => {
    const kept = new KeptMasks(null);
    for (const name of "abcdefghij") kept.set(name, painted());
    kept.set("c", painted());
    const names = (of: KeptMasks): string => of.stored().map(([clip]) => clip).join("");
    expect(names(again(kept))).toBe("efghijc".padStart(8, "d"));
    expect(names(again(kept, 2 * JSON.stringify(kept.stored()[0]).length))).toBe("jc");
  });

  it("are forgotten where nothing is marked any more", () => {
    const kept = new KeptMasks(null);
    kept.set("a", painted());
    kept.set("a", new Mask(40, 30));
    expect(again(kept).of("a", 40, 30)).toBeNull();
  });

  it("are none where what is stored can't be read", () => {
    for (const stored of [null, 3, {}, [null], [["a", 2, 2]], [["a", 2, 2, [255, 3]]], [["a", 2, 2, ["x", 4]]]]) {
      expect(new KeptMasks(stored).of("a", 2, 2)).toBeNull();
    }
  });
});
