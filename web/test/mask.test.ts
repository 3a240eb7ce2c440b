import { describe, expect, it } from "vitest";
import { History } from "../src/history";
import { coverage, Stroke } from "../src/paint/brush";
import { change, Mask, remember } from "../src/paint/mask";
import { grayOf, maskToPng } from "../src/paint/mask_png";

const sum = (mask: Mask): number => mask.data.reduce((total, value) => total + value, 0);

describe("a mask", () => {
  it("is white in a rectangle, to the pixel, and black elsewhere", () => {
    const mask = new Mask(10, 6);
    mask.fill({ left: 2, top: 1, right: 5, bottom: 4 }, 255);
    for (let row = 0; row < 6; row++) {
      for (let column = 0; column < 10; column++) {
        const inside = column >= 2 && column < 5 && row >= 1 && row < 4;
        expect(mask.data[row * 10 + column]).toBe(inside ? 255 : 0);
      }
    }
    expect(mask.bounds).toEqual({ left: 2, top: 1, right: 5, bottom: 4 });
    expect(mask.rectangle).toEqual(mask.bounds);
  });

  it("cuts off what lies outside of the image", () => {
    const mask = new Mask(4, 4);
    expect(mask.fill({ left: -3, top: 2, right: 99, bottom: 99 }, 255)).toEqual({
      left: 0, top: 2, right: 4, bottom: 4,
    });
    expect(sum(mask)).toBe(8 * 255);
    mask.fill({ left: 7, top: 7, right: 9, bottom: 9 }, 255);
    expect(sum(mask)).toBe(8 * 255);
  });

  it("is no rectangle with a hole, and none when it is empty", () => {
    const mask = new Mask(5, 5);
    expect([mask.bounds, mask.rectangle, mask.isEmpty]).toEqual([null, null, true]);
    mask.fill(mask.whole, 255);
    expect(mask.rectangle).toEqual(mask.whole);
    mask.fill({ left: 2, top: 2, right: 3, bottom: 3 }, 254);
    expect(mask.rectangle).toBeNull();
    expect(mask.bounds).toEqual(mask.whole);
  });

  it("is told from a spectrogram by its gray", () => {
    const gray = (levels: number[]) => new Mask(levels.length, 1, Uint8ClampedArray.from(levels));
    expect(gray([0, 0, 255, 130]).looksPainted).toBe(true);
    expect(gray([0, 90, 200, 130]).looksPainted).toBe(false);
  });

  it("is itself again when inverted twice", () => {
    const mask = new Mask(7, 3, Uint8ClampedArray.from({ length: 21 }, (_, k) => (k * 37) % 256));
    const before = mask.data.slice();
    mask.invert();
    expect([...mask.data]).toEqual([...before].map((value) => 255 - value));
    mask.invert();
    expect(mask.data).toEqual(before);
  });
});

describe("undo", () => {
  it("gives back every step and every step again", () => {
    const mask = new Mask(20, 20);
    const history = new History();
    const states = [mask.data.slice()];
    const steps = [
      () => change(mask, history, { left: 2, top: 3, right: 9, bottom: 8 }, () =>
        mask.fill({ left: 2, top: 3, right: 9, bottom: 8 }, 255)),
      () => change(mask, history, mask.whole, () => mask.invert()),
      () => {
        const stroke = new Stroke(mask, { radiusX: 3, radiusY: 2, hardness: 0.3, erases: true });
        stroke.to({ x: 1, y: 1 });
        stroke.to({ x: 15, y: 12 });
        const { rect, before } = stroke.end()!;
        remember(mask, history, rect, before);
      },
      () => change(mask, history, mask.whole, () => mask.fill(mask.whole, 0)),
    ];
    for (const step of steps) {
      step();
      states.push(mask.data.slice());
    }
    for (const state of states.slice(0, -1).reverse()) {
      expect(history.undo()).toBe(true);
      expect(mask.data).toEqual(state);
    }
    expect(history.undo()).toBe(false);
    for (const state of states.slice(1)) {
      expect(history.redo()).toBe(true);
      expect(mask.data).toEqual(state);
    }
    expect(history.redo()).toBe(false);
  });

  it("forgets what was undone after a new change, and doesn't count what changed nothing", () => {
    const mask = new Mask(4, 4);
    const history = new History();
    const fill = (value: number) => change(mask, history, mask.whole, () => mask.fill(mask.whole, value));
    fill(0);
    expect(history.canUndo).toBe(false);
    fill(255);
    history.undo();
    fill(100);
    expect(history.canRedo).toBe(false);
  });

  it("holds no more than it may", () => {
    const mask = new Mask(100, 100);
    const history = new History(35_000);
    for (let k = 0; k < 20; k++) change(mask, history, mask.whole, () => mask.invert());
    expect(history.bytes).toBe(30_000);
    let undone = 0;
    while (history.undo()) undone++;
    expect(undone).toBe(3);
  });
});

describe("a brush", () => {
  const draw = (brush: { hardness: number; erases?: boolean }, mask = new Mask(60, 60)): Mask => {
    const stroke = new Stroke(mask, { radiusX: 10, radiusY: 10, erases: false, ...brush });
    stroke.to({ x: 30, y: 30 });
    return mask;
  };

  it("that is hard paints white within its radius and nothing beyond", () => {
    const mask = draw({ hardness: 1 });
    for (let row = 0; row < 60; row++) {
      for (let column = 0; column < 60; column++) {
        const inside = Math.hypot(column + 0.5 - 30, row + 0.5 - 30) <= 10;
        expect(mask.data[row * 60 + column]).toBe(inside ? 255 : 0);
      }
    }
  });

  it("that is soft falls off towards its edge", () => {
    const mask = draw({ hardness: 0.2 });
    const line = [...mask.data.subarray(30 * 60 + 30, 30 * 60 + 42)];
    expect(line[0]).toBe(255);
    expect(line.every((value, k) => k === 0 || value <= line[k - 1]!)).toBe(true);
    expect(new Set(line).size).toBeGreaterThan(6);
    expect(line[10]).toBe(0);
    expect(coverage(0.2, 0.2)).toBe(1);
    expect(coverage(1, 0)).toBe(0);
  });

  it("leaves no gap in a quick line, and gets no stronger where it crosses itself", () => {
    const mask = new Mask(200, 20);
    const stroke = new Stroke(mask, { radiusX: 3, radiusY: 3, hardness: 1, erases: false });
    stroke.to({ x: 5, y: 10 });
    stroke.to({ x: 195, y: 10 });
    expect([...mask.data.subarray(10 * 200 + 5, 10 * 200 + 195)].every((v) => v === 255)).toBe(true);
    const soft = draw({ hardness: 0 });
    const once = soft.data.slice();
    expect(draw({ hardness: 0 }, soft).data).toEqual(once);
  });

  it("erases what it covers", () => {
    const mask = new Mask(60, 60);
    mask.fill(mask.whole, 255);
    draw({ hardness: 1, erases: true }, mask);
    expect(mask.data[30 * 60 + 30]).toBe(0);
    expect(mask.data[30 * 60 + 41]).toBe(255);
  });
});

describe("a mask's PNG", () => {
  it("has its size and all its levels", async () => {
    const levels = Uint8ClampedArray.from({ length: 48 * 31 }, (_, k) => (k * 101) % 256);
    const png = await (await maskToPng(new Mask(48, 31, levels))).arrayBuffer();
    const view = new DataView(png);
    const name = (at: number): string => String.fromCharCode(...new Uint8Array(png, at, 4));
    expect([name(12), view.getUint32(16), view.getUint32(20)]).toEqual(["IHDR", 48, 31]);
    expect(name(37)).toBe("IDAT"); // behind the signature and a header of 25 bytes
    const data = new Blob([png.slice(41, 41 + view.getUint32(33))]);
    const inflating = data.stream().pipeThrough(new DecompressionStream("deflate"));
    const lines = new Uint8Array(await new Response(inflating).arrayBuffer());
    const read = levels.map((_, k) => lines[Math.floor(k / 48) * 49 + 1 + (k % 48)]!);
    expect(read).toEqual(levels);
  });

  it("is read by gray level as Pillow does", () => {
    const grays = Uint8ClampedArray.from({ length: 256 * 4 }, (_, k) => (k % 4 === 3 ? 255 : k >> 2));
    expect([...grayOf(grays)]).toEqual(Array.from({ length: 256 }, (_, k) => k));
    expect([...grayOf(Uint8ClampedArray.from([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255]))]).toEqual([
      76, 150, 29,
    ]);
  });
});
