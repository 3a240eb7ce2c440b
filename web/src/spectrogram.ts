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
import { clockOf, timeMarks } from "./axes";
import { drawAxes, drawGrid, drawPlayhead, type TimeLine } from "./axes_drawing";
import { drawBrace, grip, moved, type Grip } from "./brace";
import { el, icon, type IconName } from "./dom";
import { meterOf } from "./engine";
import { hzOf, levelOf, noteOf, positionIn } from "./format";
import { listenToGestures } from "./gestures";
import { colored, drawStrips, pictureOf, type Picture } from "./picture";
import type { Span } from "./schedule";
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
  /** Takes no presses: it lies in a button. */
  passive?: boolean;
  /** Height in CSS pixels; without it the style's. */
  height?: number;
  label?: string;
  /** Whether what lies outside the loop brace is dimmed; true where it is left out. */
  dims?: boolean;
}

const RULER = 26;
const CLICK = 4;
const MOST_SCALE = 12;

export class SpectrogramView {
  readonly element: HTMLElement;
  /** The part that is marked on the image, where a layer marks one; drawn by whoever sets it. */
  readonly selection = signal<Rect | null>(null);
  readonly clip = signal<Clip | null>(null);
  readonly axes = signal<Axes | null>(null);
  /** The column at the left edge, and CSS pixels a column. */
  readonly window = signal<{ left: number; scale: number }>({ left: 0, scale: 1 });

  private readonly base = el("canvas", { class: "base" });
  private readonly over = el("canvas", { class: "over" });
  private readonly readout = el("div", { class: "readout", "aria-hidden": "true" });
  private readonly layers: Layer[] = [];
  private readonly offs: (() => void)[] = [];
  private picture: Picture | null = null;
  private strips: HTMLCanvasElement[] = [];
  private width = 0;
  private height = 0;
  private hovered: Place | null = null;
  private held = () => false;
  private frame = 0;
  private loading = 0;
  private visible = false;
  private wanted: string | null = null;
  private colors: CSSStyleDeclaration;

  constructor(root: HTMLElement, readonly app: App, private readonly options: Options = {}) {
    const classes = `spectrogram${options.compact ? " compact" : ""}${options.passive ? " passive" : ""}`;
    this.element = el(
      "div",
      { class: classes, "data-testid": "spectrogram", role: options.passive ? null : "group",
        "aria-label": options.passive ? null : (options.label ?? "Spectrogram") },
      this.base, this.over, this.readout, options.compact ? null : this.zoomButtons(),
    );
    if (options.height) this.element.style.height = `${options.height}px`;
    this.colors = getComputedStyle(this.element);
    root.append(this.element);
    const sized = new ResizeObserver(() => this.resized());
    sized.observe(this.element);
    // images of what is scrolled out of sight are fetched when it comes into it
    const seen = new IntersectionObserver((entries) => {
      this.visible = entries.some((entry) => entry.isIntersecting);
      if (this.visible) this.fetchPicture();
    }, { rootMargin: "200px" });
    seen.observe(this.element);
    const { engine } = app;
    this.offs.push(
      () => sized.disconnect(),
      () => seen.disconnect(),
      app.theme.on(() => this.recolor()),
      engine.onTick(() => this.ticked()),
      engine.brace.on(() => this.drawOver()),
      engine.loop.on(() => this.drawOver()),
      engine.run.on(() => this.drawOver()),
      this.window.on(() => this.redraw()),
    );
    if (!options.passive) this.listen();
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
    if (same && clip) return;
    this.axes.set(null);
    this.selection.set(null);
    this.showReadout();
    this.fit();
    if (!clip) {
      this.setPicture(null);
      return;
    }
    this.setPicture(clipUrl(clip.id, "png"));
    if (this.options.compact) return;
    this.app.api.axes(clip.id).then(
      (axes) => {
        if (this.clip.get()?.id !== clip.id) return;
        this.axes.set(axes);
        this.redraw();
      },
      () => {},
    );
  }

  /** Shows an image that isn't a clip's yet, such as a preview. */
  setPicture(url: string | null): void {
    this.wanted = url;
    if (url === null) {
      this.loading++;
      this.picture = null;
      this.strips = [];
      this.redraw();
    } else if (this.visible) this.fetchPicture();
  }

  // Coordinates

  /** The plot's box in CSS pixels of the canvas. */
  get plot(): { x: number; y: number; width: number; height: number } {
    const x = this.axisWidth;
    const y = this.options.compact ? 0 : RULER;
    return { x, y, width: Math.max(1, this.width - x), height: Math.max(1, this.height - y) };
  }
  get columns(): number {
    return this.clip.get()?.image.width ?? this.picture?.width ?? 0;
  }
  get rows(): number {
    return this.clip.get()?.image.height ?? this.picture?.height ?? 0;
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
  /** When a column is heard. The image begins with a bar, perhaps before the sound. */
  secondsOf(column: number): number {
    const { step, lead } = this.clock;
    return column * step - lead;
  }
  columnOf(seconds: number): number {
    const { step, lead } = this.clock;
    return (seconds + lead) / step;
  }
  private get clock(): { step: number; lead: number } {
    const clip = this.clip.get();
    const run = this.app.engine.run.get();
    const lead = run?.clip?.id === clip?.id ? run?.meter.lead : 0;
    return clip ? clockOf(clip, this.axes.get(), lead) : { step: 1, lead: 0 };
  }
  /** Columns of a beat; null without a tempo. */
  get columnsPerBeat(): number | null {
    const clip = this.clip.get();
    if (!clip?.bpm) return null;
    return this.axes.get()?.columns_per_beat ?? 60 / clip.bpm / this.clock.step;
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
    this.redraw();
  }
  /** Zooms by a factor round an x of the canvas (default: the playhead if in sight, else the middle). */
  zoom(factor: number, x?: number): void {
    const { plot } = this;
    const head = this.xOf(this.columnOf(this.playhead() ?? -1));
    const pivot = x ?? (head > plot.x && head < this.width ? head : plot.x + plot.width / 2);
    const column = this.columnAt(pivot);
    const least = this.fitted();
    const scale = Math.min(Math.max(this.window.get().scale * factor, least), Math.max(MOST_SCALE, least));
    this.scrollTo(column - (pivot - plot.x) / scale, scale);
  }
  scrollTo(left: number, scale = this.window.get().scale): void {
    const most = Math.max(0, this.columns - this.plot.width / scale);
    this.window.set({ left: Math.min(Math.max(0, left), most), scale });
  }
  get zoomed(): boolean {
    return this.window.get().scale > this.fitted() * 1.001;
  }
  private fitted(): number {
    return this.plot.width / Math.max(1, this.columns);
  }
  private get axisWidth(): number {
    if (this.options.compact) return 0;
    return this.width < 520 ? 34 : 64;
  }

  private zoomButtons(): HTMLElement {
    const button = (name: IconName, label: string, run: () => void) =>
      el("button", { class: "icon-button small", type: "button", "aria-label": label, title: label, onclick: run }, icon(name));
    return el(
      "div", { class: "zoom" },
      button("minus", "Zoom out", () => this.zoom(1 / 1.6)),
      button("plus", "Zoom in", () => this.zoom(1.6)),
      button("fit", "Show the whole clip", () => this.fit()),
    );
  }

  // Drawing

  /** Draws the image and the layers at the next animation frame. */
  redraw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawBase();
      this.drawOver();
    });
  }

  private fetchPicture(): void {
    const url = this.wanted;
    if (url === null) return;
    this.wanted = null;
    const turn = ++this.loading;
    pictureOf(url).then(
      (picture) => {
        if (turn !== this.loading) return;
        const changed = picture.width !== this.picture?.width;
        this.picture = picture;
        if (changed && !this.zoomed) this.fit();
        this.recolor();
      },
      () => {
        if (turn === this.loading) this.readout.textContent = "The image can't be loaded.";
      },
    );
  }

  private resized(): void {
    const box = this.element.getBoundingClientRect();
    if (!box.width) return;
    const whole = !this.zoomed || this.width === 0;
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    const dense = window.devicePixelRatio || 1;
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(this.width * dense);
      canvas.height = Math.round(this.height * dense);
    }
    if (whole || this.window.get().scale < this.fitted()) this.fit();
    this.redraw();
  }

  private recolor(): void {
    if (this.picture) this.strips = colored(this.picture, this.app.theme.get());
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
    const { left, scale } = this.window.get();
    context.imageSmoothingEnabled = scale < 3;
    context.imageSmoothingQuality = "high";
    drawStrips(context, this.strips, left, width / scale, this.plot);
    const lines = this.timeLines();
    const color = (name: string) => this.color(name);
    const within = lines.filter((line) => line.at > 0);
    // a small picture shows its bars alone, faintly
    const faint = within.filter((line) => line.weight === 2).map((line) => ({ ...line, weight: 1 as const }));
    drawGrid(context, this.plot, this.options.compact ? faint : within, color);
    for (const layer of this.layers) layer.draw(context, this);
    context.restore();
    if (!this.options.compact) drawAxes(context, this.plot, lines, this.axes.get()?.hz ?? null, color);
  }

  private timeLines(): (TimeLine & { at: number })[] {
    const clip = this.clip.get();
    if (!clip || !this.width) return [];
    const { step } = this.clock;
    const marks = timeMarks(this.columns * step, meterOf(clip), this.window.get().scale / step);
    return marks.map((mark) => ({ ...mark, x: this.xOf(mark.at / step) }));
  }

  private drawOver(): void {
    const context = this.pen(this.over);
    context.clearRect(0, 0, this.width, this.height);
    const clip = this.clip.get();
    const { plot } = this;
    if (!clip || !this.width) return;
    if (!this.options.compact) {
      drawBrace(context, this, this.brace(clip), (name) => this.color(name), this.app.engine.loop.get(), this.options.dims ?? true);
    }
    const seconds = this.playhead();
    if (seconds === null) return;
    const x = this.xOf(this.columnOf(seconds));
    if (x < plot.x - 1 || x > this.width + 1) return;
    drawPlayhead(context, plot, x, (name) => this.color(name), !this.options.compact);
  }

  /** Where in this clip the run is; null where it is another's. */
  private playhead(): number | null {
    const clip = this.clip.get();
    const { engine } = this.app;
    return clip && engine.run.get()?.clip?.id === clip.id ? engine.position() : null;
  }

  /** The loop brace; the whole clip where none was set. */
  private brace(clip: Clip): Span {
    return this.app.engine.brace.get() ?? { start: 0, end: clip.seconds };
  }

  private ticked(): void {
    const seconds = this.playhead();
    if (seconds !== null && this.zoomed && !this.held() && this.app.engine.playing.get()) {
      const column = this.columnOf(seconds);
      const { left, scale } = this.window.get();
      const shown = this.plot.width / scale;
      if (column < left || column > left + shown) this.scrollTo(column - shown * 0.05);
    }
    this.drawOver();
  }

  private pen(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const context = canvas.getContext("2d")!;
    const dense = window.devicePixelRatio || 1;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    return context;
  }

  private color(name: string): string {
    return this.colors.getPropertyValue(name);
  }

  // Pointers

  private placeOf(event: PointerEvent | WheelEvent): Place {
    const box = this.over.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return { x, y, column: this.columnAt(x), row: this.rowAt(y) };
  }

  private listen(): void {
    this.held = listenToGestures<Place>(this.over, {
      place: (event) => this.placeOf(event),
      press: (event, place) => this.press(event, place),
      pinch: (factor, x) => this.zoom(factor, x),
      move: (place, pressed) => {
        this.hovered = place;
        if (place && !pressed) this.hover(place);
        this.showReadout();
      },
    });
    this.over.addEventListener("dblclick", (event) => {
      if (event.offsetY < this.plot.y) this.app.engine.brace.set(null);
    });
    this.over.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** What the moves of a press do. */
  private press(
    event: PointerEvent, place: Place,
  ): ((event: PointerEvent, place: Place) => void) | null {
    const clip = this.clip.get();
    if (!clip) return null;
    if (!this.options.compact && place.y < this.plot.y) return this.pressRuler(clip, place);
    for (const layer of [...this.layers].reverse()) {
      if (layer.pointer?.(event, place)) return (next, at) => void layer.pointer!(next, at);
    }
    const { left, scale } = this.window.get();
    let dragged = false;
    return (next, at) => {
      const far = at.x - place.x;
      if (next.type === "pointermove") {
        dragged ||= Math.abs(far) > CLICK;
        if (dragged && this.zoomed) this.scrollTo(left - far / scale);
      } else if (next.type === "pointerup" && !(dragged && this.zoomed)) {
        this.app.seek(clip, this.secondsOf(Math.min(Math.max(0, at.column), this.columns)));
      }
    };
  }

  private pressRuler(clip: Clip, place: Place): (event: PointerEvent, at: Place) => void {
    const first = this.brace(clip);
    const held: Grip = grip(place.x, this.xOf(this.columnOf(first.start)), this.xOf(this.columnOf(first.end)), this.app.engine.brace.get() !== null);
    let dragged = false;
    return (event, at) => {
      if (event.type === "pointermove") {
        dragged ||= Math.abs(at.x - place.x) > CLICK;
        if (!dragged) return;
        const meter = event.altKey ? { bpm: null, beatsPerBar: 4 } : meterOf(clip, this.clock.lead);
        const brace = moved(first, held, this.secondsOf(place.column), this.secondsOf(at.column), meter, clip.seconds);
        if (brace) this.app.engine.brace.set(brace);
      } else if (event.type === "pointerup" && !dragged) {
        this.app.seek(clip, this.secondsOf(Math.max(0, at.column)));
      }
    };
  }

  private wheel(event: WheelEvent): void {
    const place = this.placeOf(event);
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.004)), place.x);
    } else if (this.zoomed && Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      this.scrollTo(this.window.get().left + sideways / this.window.get().scale);
    } else return;
    event.preventDefault();
  }

  private hover(place: Place): void {
    let cursor = "default";
    const clip = this.clip.get();
    if (clip && !this.options.compact && place.y < this.plot.y) {
      const { start, end } = this.brace(clip);
      const held = grip(place.x, this.xOf(this.columnOf(start)), this.xOf(this.columnOf(end)), this.app.engine.brace.get() !== null);
      cursor = { start: "ew-resize", end: "ew-resize", body: "grab", new: "crosshair" }[held];
    } else if (clip) {
      cursor = this.layers.map((layer) => layer.hover?.(place)).filter(Boolean).pop() ?? "pointer";
    }
    this.over.style.cursor = cursor;
  }

  private showReadout(): void {
    const place = this.hovered;
    const clip = this.clip.get();
    const axes = this.axes.get();
    const inside = place && place.x >= this.plot.x && place.y >= this.plot.y;
    const gray = inside ? this.grayAt(place.column, place.row) : null;
    const hz = inside ? this.hzAt(place.row) : null;
    if (!place || !clip || !axes || gray === null || hz === null) {
      this.readout.textContent = "";
      return;
    }
    this.readout.textContent = [
      positionIn(meterOf(clip, axes.lead_seconds), this.secondsOf(place.column)), hzOf(hz), noteOf(hz),
      levelOf(axes.level_db[gray] ?? null),
    ].join("  ");
  }
}
