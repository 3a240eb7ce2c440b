// A spectrogram's PNG as levels of gray, and those as colors of the theme.

import { el } from "./dom";

export interface Picture {
  gray: Uint8Array;
  width: number;
  height: number;
}

/** Long clips are drawn in strips: canvases have a greatest width. */
const STRIP = 4096;
const KNOWN = 40;
const known = new Map<string, Promise<Picture>>();

/** The image as one gray plane: the mean of its planes, of which Riffusion's red is empty. */
export function pictureOf(url: string): Promise<Picture> {
  const found = known.get(url);
  if (found) return found;
  const loading = read(url);
  if (!url.startsWith("data:")) known.set(url, loading);
  if (known.size > KNOWN) known.delete(known.keys().next().value!);
  loading.catch(() => known.delete(url));
  return loading;
}

async function read(url: string): Promise<Picture> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const gray = new Uint8Array(width * height);
  for (let left = 0; left < width; left += STRIP) {
    const part = Math.min(STRIP, width - left);
    const canvas = el("canvas", { width: part, height });
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(image, -left, 0);
    const { data } = context.getImageData(0, 0, part, height);
    grayInto(gray, data, left, part, width);
  }
  return { gray, width, height };
}

function grayInto(
  gray: Uint8Array, data: Uint8ClampedArray, left: number, part: number, width: number,
): void {
  let red = 0;
  for (let i = 0; i < data.length; i += 4) red |= data[i]!;
  const planes = red ? 3 : 2;
  for (let i = 0, cell = 0; i < data.length; i += 4, cell++) {
    const sum = (red ? data[i]! : 0) + data[i + 1]! + data[i + 2]!;
    gray[Math.floor(cell / part) * width + left + (cell % part)] = Math.round(sum / planes);
  }
}

/** The picture in the colors of a theme, as strips from left to right. */
export function colored(picture: Picture, theme: "dark" | "light"): HTMLCanvasElement[] {
  const table = theme === "dark" ? DARK : LIGHT;
  const strips: HTMLCanvasElement[] = [];
  for (let left = 0; left < picture.width; left += STRIP) {
    const part = Math.min(STRIP, picture.width - left);
    const canvas = el("canvas", { width: part, height: picture.height });
    const context = canvas.getContext("2d")!;
    const image = context.createImageData(part, picture.height);
    const words = new Uint32Array(image.data.buffer);
    for (let row = 0, i = 0; row < picture.height; row++) {
      for (let at = row * picture.width + left, end = at + part; at < end; at++, i++) {
        words[i] = table[picture.gray[at]!]!;
      }
    }
    context.putImageData(image, 0, 0);
    strips.push(canvas);
  }
  return strips;
}

/** Draws columns `from`…`from + count` into a box of the canvas. */
export function drawStrips(
  context: CanvasRenderingContext2D, strips: HTMLCanvasElement[], from: number, count: number,
  box: { x: number; y: number; width: number; height: number },
): void {
  const scale = box.width / count;
  strips.forEach((strip, i) => {
    const left = Math.max(from, i * STRIP);
    const right = Math.min(from + count, i * STRIP + strip.width);
    if (right <= left) return;
    context.drawImage(
      strip, left - i * STRIP, 0, right - left, strip.height,
      box.x + (left - from) * scale, box.y, (right - left) * scale, box.height,
    );
  });
}

const LIGHT = Uint32Array.from({ length: 256 }, (_, gray) => rgba(gray, gray, gray));

// Loud is bright on a dark ground: ink, violet, ember, cream. Lightness rises evenly.
const DARK = ramp([
  [0, 17, 19, 24], [0.18, 20, 22, 34], [0.4, 62, 38, 92], [0.6, 148, 54, 96], [0.8, 236, 132, 62],
  [1, 255, 242, 210],
]);

function ramp(stops: [number, number, number, number][]): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, gray) => {
    const loud = (255 - gray) / 255;
    const at = Math.max(1, stops.findIndex(([place]) => place >= loud));
    const a = stops[at - 1]!;
    const b = stops[at]!;
    const t = (loud - a[0]) / (b[0] - a[0]);
    const mix = (i: 1 | 2 | 3) => Math.round(a[i] + (b[i] - a[i]) * t);
    return rgba(mix(1), mix(2), mix(3));
  });
}

function rgba(red: number, green: number, blue: number): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
