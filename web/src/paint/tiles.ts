// The mask in color, in tiles: a long clip's image is wider than a canvas may be.

import { el } from "../dom";
import type { SpectrogramView } from "../spectrogram";
import type { Mask } from "./mask";
import type { Rect } from "./rect";

const COLUMNS = 1024;
const OPACITY = 0.45;

interface Tile {
  canvas: HTMLCanvasElement;
  isDrawn: boolean;
}

export class Tiles {
  private tiles = new Map<number, Tile>();
  private color = "";

  constructor(private readonly mask: Mask) {}

  changed(rect: Rect): void {
    for (let k = Math.floor(rect.left / COLUMNS); k * COLUMNS < rect.right; k++) {
      const tile = this.tiles.get(k);
      if (tile) tile.isDrawn = false;
    }
  }

  /** Draws what is in sight. */
  draw(context: CanvasRenderingContext2D, view: SpectrogramView, color: string): void {
    if (color !== this.color) this.tiles.clear();
    this.color = color;
    const { plot } = view;
    const first = Math.max(0, Math.floor(view.columnAt(plot.x) / COLUMNS));
    const last = Math.min(this.mask.width, view.columnAt(plot.x + plot.width));
    context.imageSmoothingEnabled = false;
    for (let k = first; k * COLUMNS < last; k++) {
      const { canvas } = this.tile(k);
      const x = view.xOf(k * COLUMNS);
      const width = view.xOf(k * COLUMNS + canvas.width) - x;
      context.drawImage(canvas, x, plot.y, width, plot.height);
    }
  }

  private tile(k: number): Tile {
    const known = this.tiles.get(k);
    if (known?.isDrawn) return known;
    const { width, height } = this.mask;
    const left = k * COLUMNS;
    const columns = Math.min(COLUMNS, width - left);
    const tile = known ?? { canvas: el("canvas", { width: columns, height }), isDrawn: false };
    const context = tile.canvas.getContext("2d")!;
    const image = context.createImageData(columns, height);
    const [red, green, blue] = channelsOf(this.color);
    const word = (blue << 16) | (green << 8) | red;
    const pixels = new Uint32Array(image.data.buffer);
    for (let row = 0; row < height; row++) {
      const line = this.mask.data.subarray(row * width + left, row * width + left + columns);
      line.forEach((level, column) => {
        pixels[row * columns + column] = ((Math.round(level * OPACITY) << 24) | word) >>> 0;
      });
    }
    context.putImageData(image, 0, 0);
    tile.isDrawn = true;
    this.tiles.set(k, tile);
    return tile;
  }
}

/** "#2dd4bf" → its three channels. */
function channelsOf(color: string): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
