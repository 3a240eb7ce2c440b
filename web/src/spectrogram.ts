// The spectrogram is the player: a clip's image with playhead, grid, axes and loop brace.
//
//   const view = new SpectrogramView(root, app, { clip });      // appends itself to root
//   view.setClip(other);                                        // or null
//   const off = view.addLayer({
//     draw(ctx, view) { ctx.fillRect(view.xOf(64), view.yOf(100), …); },
//     pointer(event, place) { return false; },                  // true: it is dealt with
//   });
//   view.redraw();                                              // after a layer's content changed
//   view.destroy();
//
// Coordinates: `x`, `y` are CSS pixels of the view's canvas; columns and rows are pixels of the
// clip's PNG, row 0 on top. All conversions take and give fractions, and don't clamp.
//
// Pointers: a press on the plot goes to the layers, the last added first, and to the one that
// returns true go all its moves and its end, too. What no layer takes is a click to seek, or a
// drag that scrolls. Presses on the ruler set the loop brace (`compact` views have none).

import type { App } from "./app";
import type { Axes, Clip } from "./api";
import { clipUrl } from "./api";
import { el } from "./dom";
import { hzOf, levelOf, noteOf, positionIn } from "./format";
import { signal } from "./state";

export interface Rect {
  /** Columns left…right and rows top…bottom, ends not included. */
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Place {
  x: number;
  y: number;
  column: number;
  row: number;
}

export interface Layer {
  /** Draws on top of the image, below the playhead; clipped to the plot. */
  draw(context: CanvasRenderingContext2D, view: SpectrogramView): void;
  /** pointerdown, and from then on pointermove, pointerup, pointercancel, if it returned true. */
  pointer?(event: PointerEvent, place: Place): boolean;
  /** Moves without a press; gives a CSS cursor, or nothing. */
  hover?(place: Place): string | void;
}

export interface Options {
  clip?: Clip | null;
  /** No axes, ruler, zoom or brace: a picture with a playhead. */
  compact?: boolean;
  /** Height in CSS pixels; without it the style's. */
  height?: number;
  label?: string;
}

const AXIS = 46;
const RULER = 26;

export class SpectrogramView {
  readonly element: HTMLElement;
  /** The part that is marked on the image, where a layer marks one; drawn by whoever sets it. */
  readonly selection = signal<Rect | null>(null);
  readonly clip = signal<Clip | null>(null);
  readonly axes = signal<Axes | null>(null);
  /** Columns at the left edge, and CSS pixels a column. */
  readonly window = signal<{ left: number; scale: number }>({ left: 0, scale: 1 });

  private readonly base = el("canvas", { class: "base" });
  private readonly over = el("canvas", { class: "over", tabindex: -1 });
  private readonly readout = el("div", { class: "readout", "aria-hidden": "true" });
  private readonly layers: Layer[] = [];
  private readonly offs: (() => void)[] = [];
  private picture: { gray: Uint8Array; width: number; height: number } | null = null;
  private colored: HTMLCanvasElement | null = null;
  private width = 0;
  private height = 0;
  private pointerPlace: Place | null = null;
  private frame = 0;
  private loading = 0;

  constructor(root: HTMLElement, readonly app: App, private readonly options: Options = {}) {
    this.element = el(
      "div",
      { class: `spectrogram${options.compact ? " compact" : ""}`, role: "group",
        "aria-label": options.label ?? "Spectrogram", "data-testid": "spectrogram" },
      this.base, this.over, this.readout,
    );
    if (options.height) this.element.style.height = `${options.height}px`;
    root.append(this.element);
    const watching = new ResizeObserver(() => this.resized());
    watching.observe(this.element);
    this.offs.push(
      () => watching.disconnect(),
      app.theme.on(() => this.recolor()),
      app.engine.onTick(() => this.drawOver()),
      app.engine.brace.on(() => this.redraw()),
      app.engine.run.on(() => this.drawOver()),
      this.window.on(() => this.redraw()),
    );
    this.listen();
    this.setClip(options.clip ?? null);
  }

  destroy(): void {
    this.offs.forEach((off) => off());
    this.element.remove();
  }

  addLayer(layer: Layer): () => void {
    this.layers.push(layer);
    this.redraw();
    return () => {
      const at = this.layers.indexOf(layer);
      if (at >= 0) this.layers.splice(at, 1);
      this.redraw();
    };
  }

  setClip(clip: Clip | null): void {
    const same = clip?.id === this.clip.get()?.id;
    this.clip.set(clip);
    if (same) return;
    this.picture = this.colored = null;
    this.axes.set(null);
    this.selection.set(null);
    const turn = ++this.loading;
    this.redraw();
    if (!clip) return;
    void this.fit();
    grayOf(clipUrl(clip.id, "png")).then(
      (picture) => {
        if (turn !== this.loading) return;
        this.picture = picture;
        this.recolor();
      },
      (error: Error) => this.app.say(error.message, "error"),
    );
    if (this.options.compact) return;
    this.app.api.axes(clip.id).then(
      (axes) => {
        if (turn !== this.loading) return;
        this.axes.set(axes);
        this.redraw();
      },
      () => {},
    );
  }

  // Coordinates

  /** The plot's box in CSS pixels of the canvas. */
  get plot(): { x: number; y: number; width: number; height: number } {
    const { compact } = this.options;
    const x = compact ? 0 : AXIS;
    const y = compact ? 0 : RULER;
    return { x, y, width: Math.max(1, this.width - x), height: Math.max(1, this.height - y) };
  }
  get columns(): number {
    return this.clip.get()?.image.width ?? 0;
  }
  get rows(): number {
    return this.clip.get()?.image.height ?? 0;
  }
  columnAt(x: number): number {
    const { left, scale } = this.window.get();
    return left + (x - this.plot.x) / scale;
  }
  xOf(column: number): number {
    const { left, scale } = this.window.get();
    return this.plot.x + (column - left) * scale;
  }
  rowAt(y: number): number {
    return ((y - this.plot.y) / this.plot.height) * this.rows;
  }
  yOf(row: number): number {
    return this.plot.y + (row / Math.max(1, this.rows)) * this.plot.height;
  }
  secondsOf(column: number): number {
    const clip = this.clip.get();
    return clip ? (column / clip.image.width) * clip.seconds : 0;
  }
  columnOf(seconds: number): number {
    const clip = this.clip.get();
    return clip ? (seconds / clip.seconds) * clip.image.width : 0;
  }
  /** Columns of a beat; null without a tempo. */
  get columnsPerBeat(): number | null {
    const clip = this.clip.get();
    if (!clip?.bpm) return null;
    return this.axes.get()?.columns_per_beat ?? this.columnOf(60 / clip.bpm);
  }
  /** The column of the nearest beat. */
  snapped(column: number): number {
    const beat = this.columnsPerBeat;
    return beat ? Math.min(this.columns, Math.round(column / beat) * beat) : column;
  }
  /** The frequency of a row's centre in Hz, where the axis is known. */
  hzAt(row: number): number | null {
    return this.axes.get()?.hz[Math.floor(row)] ?? null;
  }
  /** The gray of a cell, 0 (loudest) to 255; null outside. */
  grayAt(column: number, row: number): number | null {
    const p = this.picture;
    const x = Math.floor(column);
    const y = Math.floor(row);
    if (!p || x < 0 || y < 0 || x >= p.width || y >= p.height) return null;
    return p.gray[y * p.width + x] ?? null;
  }

  // Zoom

  /** Shows the whole clip. */
  fit(): void {
    this.window.set({ left: 0, scale: this.fitted() });
  }
  /** Zooms by a factor round an x of the canvas (default: the middle). */
  zoom(factor: number, x = this.plot.x + this.plot.width / 2): void {
    const column = this.columnAt(x);
    const least = this.fitted();
    const scale = Math.min(Math.max(this.window.get().scale * factor, least), Math.max(12, least));
    this.scrollTo(column - (x - this.plot.x) / scale, scale);
  }
  scrollTo(left: number, scale = this.window.get().scale): void {
    const most = Math.max(0, this.columns - this.plot.width / scale);
    this.window.set({ left: Math.min(Math.max(0, left), most), scale });
  }
  private fitted(): number {
    return this.plot.width / Math.max(1, this.columns);
  }

  /** Draws the image and the layers at the next animation frame. */
  redraw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawBase();
      this.drawOver();
    });
  }

  private resized(): void {
    const box = this.element.getBoundingClientRect();
    if (!box.width) return;
    const whole = this.window.get().scale <= this.fitted() * 1.001;
    this.width = box.width;
    this.height = box.height;
    const dense = window.devicePixelRatio || 1;
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(box.width * dense);
      canvas.height = Math.round(box.height * dense);
    }
    if (whole || this.window.get().scale < this.fitted()) this.fit();
    this.redraw();
  }

  private recolor(): void {
    if (this.picture) this.colored = colored(this.picture, this.app.theme.get());
    this.redraw();
  }

  private drawBase(): void {
    const context = this.pen(this.base);
    const { x, y, width, height } = this.plot;
    context.clearRect(0, 0, this.width, this.height);
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    if (this.colored) {
      const { left, scale } = this.window.get();
      context.imageSmoothingEnabled = scale < 3;
      context.drawImage(
        this.colored, left, 0, width / scale, this.colored.height, x, y, width, height,
      );
    }
    for (const layer of this.layers) layer.draw(context, this);
    context.restore();
  }

  private drawOver(): void {
    const context = this.pen(this.over);
    context.clearRect(0, 0, this.width, this.height);
    const clip = this.clip.get();
    const run = this.app.engine.run.get();
    if (!clip || run?.clip?.id !== clip.id) return;
    const x = this.xOf(this.columnOf(this.app.engine.position()));
    if (x < this.plot.x - 1 || x > this.width + 1) return;
    context.fillStyle = getComputedStyle(this.element).getPropertyValue("--playhead");
    context.fillRect(x - 0.75, this.plot.y, 1.5, this.plot.height);
  }

  private pen(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const context = canvas.getContext("2d")!;
    const dense = window.devicePixelRatio || 1;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    return context;
  }

  private placeOf(event: PointerEvent): Place {
    const box = this.over.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return { x, y, column: this.columnAt(x), row: this.rowAt(y) };
  }

  private listen(): void {
    let taker: Layer | null = null;
    this.over.addEventListener("pointerdown", (event) => {
      const place = this.placeOf(event);
      taker = [...this.layers].reverse().find((l) => l.pointer?.(event, place)) ?? null;
      this.over.setPointerCapture(event.pointerId);
      if (!taker) this.app.engine.seek(this.secondsOf(place.column));
    });
    this.over.addEventListener("pointermove", (event) => {
      this.pointerPlace = this.placeOf(event);
      if (taker) taker.pointer?.(event, this.pointerPlace);
      else this.showReadout();
    });
    for (const name of ["pointerup", "pointercancel"] as const) {
      this.over.addEventListener(name, (event) => {
        taker?.pointer?.(event, this.placeOf(event));
        taker = null;
      });
    }
    this.over.addEventListener("pointerleave", () => {
      this.pointerPlace = null;
      this.showReadout();
    });
  }

  private showReadout(): void {
    const place = this.pointerPlace;
    const clip = this.clip.get();
    const axes = this.axes.get();
    const gray = place ? this.grayAt(place.column, place.row) : null;
    const hz = place ? this.hzAt(place.row) : null;
    if (!place || !clip || !axes || gray === null || hz === null) {
      this.readout.textContent = "";
      return;
    }
    this.readout.textContent = [
      positionIn(clip, this.secondsOf(place.column)), hzOf(hz), noteOf(hz),
      levelOf(axes.level_db[gray] ?? null),
    ].join("   ");
  }
}

type Picture = { gray: Uint8Array; width: number; height: number };
const pictures = new Map<string, Promise<Picture>>();

/** The image as one gray plane: the mean of its planes, of which Riffusion's red is empty. */
function grayOf(url: string): Promise<Picture> {
  const known = pictures.get(url);
  if (known) return known;
  const loading = (async () => {
    const response = await fetch(url);
    if (!response.ok) throw new Error("The clip's image can't be loaded.");
    const bitmap = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
    const { width, height } = bitmap;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const gray = new Uint8Array(width * height);
    let red = 0;
    for (let i = 0; i < gray.length; i++) red |= data[4 * i]!;
    for (let i = 0, j = 0; i < gray.length; i++, j += 4) {
      const both = data[j + 1]! + data[j + 2]!;
      gray[i] = red ? Math.round((data[j]! + both) / 3) : both >> 1;
    }
    return { gray, width, height };
  })();
  pictures.set(url, loading);
  if (pictures.size > 40) pictures.delete(pictures.keys().next().value!);
  loading.catch(() => pictures.delete(url));
  return loading;
}

function colored(picture: Picture, theme: "dark" | "light"): HTMLCanvasElement {
  const canvas = el("canvas", { width: picture.width, height: picture.height });
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(picture.width, picture.height);
  const words = new Uint32Array(image.data.buffer);
  const table = theme === "dark" ? DARK : LIGHT;
  for (let i = 0; i < words.length; i++) words[i] = table[picture.gray[i]!]!;
  context.putImageData(image, 0, 0);
  return canvas;
}

const LIGHT = Uint32Array.from({ length: 256 }, (_, g) => rgba(g, g, g));
// Loud is bright on a dark ground: ink, violet, ember, cream.
const DARK = ramp([[0, 18, 20, 26], [0.3, 44, 36, 84], [0.55, 138, 52, 104], [0.78, 232, 128, 62], [1, 255, 240, 206]]);

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

function rgba(r: number, g: number, b: number): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
