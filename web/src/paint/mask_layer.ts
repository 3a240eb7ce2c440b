// The mask on the image, and the tools that draw it.

import type { Layer, Place, SpectrogramView } from "../spectrogram";
import type { Signal } from "../state";
import { type Brush, Stroke } from "./brush";
import { KEEP, REGENERATE, remember } from "./mask";
import type { Rect } from "./rect";
import { isBrush, type Settings } from "./settings";
import { snapped, timeOf } from "./spans";
import { Tiles } from "./tiles";
import type { Work } from "./work";

const LEAST_DRAG = 3; // CSS pixels

export class MaskLayer implements Layer {
  /** Called while a rectangle is drawn, and with null when it is done. */
  onSelecting: (rect: Rect | null) => void = () => {};
  private work: Work | null = null;
  private tiles: Tiles | null = null;
  private off: () => void = () => {};
  private origin: Place | null = null;
  private stroke: Stroke | null = null;
  private pointerId: number | null = null;
  private ring: Place | null = null;

  constructor(
    private readonly view: SpectrogramView,
    private readonly settings: Signal<Settings>,
  ) {
    settings.on(() => view.redraw());
    view.element.addEventListener("pointerleave", () => this.showRing(null));
  }

  setWork(work: Work | null): void {
    this.off();
    this.work = work;
    this.tiles = work && new Tiles(work.mask);
    const off = work?.onMask((rect) => {
      this.tiles?.changed(rect);
      this.view.redraw();
    });
    this.off = off ?? (() => {});
    this.view.redraw();
  }

  draw(context: CanvasRenderingContext2D, view: SpectrogramView): void {
    if (this.tiles === null) return;
    const style = getComputedStyle(view.element);
    const color = style.getPropertyValue("--mask").trim();
    if (this.settings.get().showsMask) this.tiles.draw(context, view, color);
    this.drawSelection(context, view, style.getPropertyValue("--mask-edge").trim());
    this.drawRing(context);
  }

  hover(place: Place): string | void {
    const { tool } = this.settings.get();
    if (this.work === null || tool === "seek") return;
    const brushes = isBrush(this.settings.get());
    this.showRing(brushes ? place : null);
    return brushes ? "none" : "crosshair";
  }

  pointer(event: PointerEvent, place: Place): boolean {
    if (event.type === "pointerdown") return this.begin(event, place);
    if (event.pointerId !== this.pointerId) return true;
    if (event.type === "pointermove") this.move(event, place);
    else this.end(event, place);
    return true;
  }

  private begin(event: PointerEvent, place: Place): boolean {
    const { tool } = this.settings.get();
    if (this.work === null || tool === "seek" || event.button !== 0) return false;
    if (this.pointerId !== null) return true; // a second finger
    this.pointerId = event.pointerId;
    this.origin = place;
    if (isBrush(this.settings.get())) {
      this.stroke = new Stroke(this.work.mask, this.brush(tool === "eraser" || event.shiftKey));
    }
    this.move(event, place);
    return true;
  }

  private move(event: PointerEvent, place: Place): void {
    if (this.stroke !== null) {
      this.showRing(place);
      const rect = this.stroke.to({ x: place.column, y: place.row });
      if (rect !== null) this.work!.tellMask(rect);
      return;
    }
    const rect = this.rectTo(place, event.altKey);
    this.view.selection.set(rect);
    this.onSelecting(rect);
    this.view.redraw();
  }

  private end(event: PointerEvent, place: Place): void {
    this.pointerId = null;
    const isCancelled = event.type === "pointercancel";
    if (this.stroke !== null) this.endStroke(isCancelled);
    else if (isCancelled || this.isClick(place)) this.endSelection(null, false);
    else this.endSelection(this.rectTo(place, event.altKey), event.shiftKey);
    this.origin = this.stroke = null;
  }

  private endStroke(isCancelled: boolean): void {
    const drawn = this.stroke!.end();
    if (drawn === null) return;
    const { mask, history } = this.work!;
    if (isCancelled) mask.paste(drawn.rect, drawn.before);
    else remember(mask, history, drawn.rect, drawn.before);
    this.work!.tellMask(drawn.rect);
  }

  /** A rectangle or band needs a drag; a click in time marks a beat. */
  private isClick(place: Place): boolean {
    const way = Math.hypot(place.x - this.origin!.x, place.y - this.origin!.y);
    return this.settings.get().tool !== "time" && way < LEAST_DRAG;
  }

  private endSelection(rect: Rect | null, removes: boolean): void {
    this.view.selection.set(null);
    if (rect !== null) {
      this.work!.draw(rect, () => this.work!.mask.fill(rect, removes ? KEEP : REGENERATE));
    }
    this.onSelecting(null);
    this.view.redraw();
  }

  /** From where the pointer went down to here; null where that is no pixel. */
  private rectTo(place: Place, isFree: boolean): Rect | null {
    const { mask, base } = this.work!;
    const { tool, grid } = this.settings.get();
    const axes = this.view.axes.get();
    const [one, other] = [this.origin!, place];
    let [left, right, top, bottom] = [0, mask.width, 0, mask.height];
    if (tool === "time") {
      if (axes === null) return null;
      const time = timeOf(base.get(), axes);
      const span = snapped(one.column, other.column, time, isFree ? "off" : grid);
      [left, right] = [span.from, span.to];
    } else if (tool === "rectangle") {
      [left, right] = between(one.column, other.column, mask.width);
    }
    if (tool !== "time") [top, bottom] = between(one.row, other.row, mask.height);
    return right > left && bottom > top ? { left, right, top, bottom } : null;
  }

  private brush(erases: boolean): Brush {
    const { size, hardness } = this.settings.get();
    const { view } = this;
    const rowsPerPixel = view.rows / view.plot.height;
    const radiusX = Math.max(0.5, size / 2 / view.window.get().scale);
    return { radiusX, radiusY: Math.max(0.5, (size / 2) * rowsPerPixel), hardness, erases };
  }

  private showRing(place: Place | null): void {
    if (place === null && this.ring === null) return;
    this.ring = place;
    this.view.redraw();
  }

  private drawRing(context: CanvasRenderingContext2D): void {
    const { size } = this.settings.get();
    if (this.ring === null || !isBrush(this.settings.get())) return;
    for (const [color, wide] of [["#000", 3], ["#fff", 1]] as const) {
      context.beginPath();
      context.arc(this.ring.x, this.ring.y, size / 2, 0, 2 * Math.PI);
      context.strokeStyle = color;
      context.lineWidth = wide;
      context.stroke();
    }
  }

  private drawSelection(context: CanvasRenderingContext2D, view: SpectrogramView, edge: string): void {
    const rect = view.selection.get();
    if (rect === null) return;
    const [x, y] = [view.xOf(rect.left), view.yOf(rect.top)];
    context.strokeStyle = edge;
    context.lineWidth = 2;
    context.strokeRect(x + 1, y + 1, view.xOf(rect.right) - x - 2, view.yOf(rect.bottom) - y - 2);
  }
}

/** The pixels that a drag touches, ends included. */
function between(one: number, other: number, most: number): [number, number] {
  const low = Math.floor(Math.min(one, other));
  const high = Math.ceil(Math.max(one, other));
  return [Math.max(0, low), Math.min(most, Math.max(low + 1, high))];
}
