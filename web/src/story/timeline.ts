// The keyframes on a timeline in bars: click to add, drag to move, arrow keys, Delete.

import { el } from "../dom";
import { colorOf, drawLane } from "./lane";
import { freeBar, type Story } from "./script";

export interface Handlers {
  choose(index: number): void;
  add(bar: number): void;
  /** A keyframe goes to a bar; `isDone` when it is let go. Returns where in the order it stands. */
  move(index: number, bar: number, isDone: boolean): number;
  remove(index: number): void;
  /** To the chosen keyframe's words. */
  edit(): void;
}

/** Where bars lie on the screen: `xOf` gives CSS pixels in the timeline. */
export interface Layout {
  xOf(bar: number): number;
  barAt(x: number): number;
}

export class TimelineView {
  readonly element: HTMLElement;
  private readonly ruler = el("div", { class: "bars", "aria-hidden": "true" });
  private readonly flags = el("div", { class: "flags", "data-testid": "timeline" });
  private readonly lane = el("canvas", { class: "lane", "aria-hidden": "true" });
  private story: Story = { keyframes: [], bars: 1, loop: false, options: {} };
  private chosen = 0;
  private layout: Layout = { xOf: (bar) => bar, barAt: (x) => x };

  constructor(private readonly handlers: Handlers) {
    this.element = el(
      "div",
      { class: "timeline", role: "group", "aria-label": "Keyframes by bar" },
      this.ruler, this.flags, this.lane,
    );
    let isFree = false; // a drag from one flag onto another ends in a click here, too
    this.flags.addEventListener("pointerdown", (event) => (isFree = event.target === this.flags));
    this.flags.addEventListener("click", (event) => {
      if (event.target !== this.flags || !isFree) return;
      const bar = this.free(this.barOf(event), event.altKey);
      if (bar !== null) this.handlers.add(bar);
    });
  }

  draw(story: Story, chosen: number, layout: Layout): void {
    [this.story, this.chosen, this.layout] = [story, chosen, layout];
    this.drawRuler();
    this.drawFlags();
    const { width, height } = this.lane.getBoundingClientRect();
    if (width === 0) return;
    this.lane.width = Math.round(width);
    this.lane.height = Math.round(height);
    drawLane(this.lane, story, (x) => layout.barAt(x));
  }

  focus(): void {
    this.flag(this.chosen)?.focus();
  }

  /** The nearest free place: at a bar, or with Alt at a beat. */
  free(bar: number, byBeat: boolean, without = -1): number | null {
    return freeBar(this.story, bar, byBeat ? 1 / beatsPerBar(this.story) : 1, without);
  }

  private drawRuler(): void {
    const each = this.layout.xOf(1) - this.layout.xOf(0);
    const step = [1, 2, 4, 8, 16, 32, 64].find((bars) => bars * each >= 34) ?? 128;
    const marks: HTMLElement[] = [];
    for (let bar = 0; bar < this.story.bars; bar += step) {
      const mark = el("span", {}, bar + 1);
      mark.style.left = `${this.layout.xOf(bar)}px`;
      marks.push(mark);
    }
    this.ruler.replaceChildren(...marks);
  }

  private drawFlags(): void {
    const { keyframes, bars } = this.story;
    while (this.flags.children.length > keyframes.length) this.flags.lastElementChild!.remove();
    while (this.flags.children.length < keyframes.length) this.flags.append(this.newFlag());
    keyframes.forEach((frame, k) => {
      const flag = this.flag(k)!;
      const x = this.layout.xOf(frame.bar);
      const end = this.layout.xOf(keyframes[k + 1]?.bar ?? bars);
      flag.textContent = frame.prompt || "(no words yet)";
      flag.style.left = `${x}px`;
      flag.style.maxWidth = `${Math.max(22, end - x - 2)}px`;
      flag.style.borderLeftColor = colorOf(k);
      flag.setAttribute("aria-label", `Bar ${barName(frame.bar)}: ${frame.prompt || "no words yet"}`);
      flag.setAttribute("aria-pressed", String(k === this.chosen));
      flag.dataset.testid = `keyframe-${k}`;
    });
  }

  private newFlag(): HTMLButtonElement {
    const flag = el("button", { type: "button", class: "flag" });
    const index = (): number => [...this.flags.children].indexOf(flag);
    flag.addEventListener("click", () => this.handlers.choose(index()));
    flag.addEventListener("dblclick", () => this.handlers.edit());
    flag.addEventListener("keydown", (event) => this.key(event, index()));
    flag.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.drag(event, index());
    });
    return flag;
  }

  private drag(down: PointerEvent, index: number): void {
    const grip = this.layout.xOf(this.story.keyframes[index]!.bar) - this.xIn(down);
    let at = index;
    let isMoved = false;
    this.handlers.choose(at);
    const ending = new AbortController();
    const go = (event: PointerEvent, isDone: boolean): void => {
      if (event.pointerId !== down.pointerId) return;
      isMoved ||= Math.abs(event.clientX - down.clientX) > 3;
      const bar = isMoved ? this.free(this.layout.barAt(this.xIn(event) + grip), event.altKey, at) : null;
      if (bar !== null) at = this.handlers.move(at, bar, isDone);
      if (isDone) ending.abort();
    };
    const { signal } = ending;
    addEventListener("pointermove", (event) => go(event, false), { signal });
    addEventListener("pointerup", (event) => go(event, true), { signal });
    addEventListener("pointercancel", (event) => go(event, true), { signal });
  }

  private key(event: KeyboardEvent, index: number): void {
    const step = event.altKey ? 1 / beatsPerBar(this.story) : 1;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by !== undefined) this.step(index, by * step, step);
    else if (event.key === "Delete" || event.key === "Backspace") this.handlers.remove(index);
    else if (event.key === "Enter") this.handlers.edit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** To the next free place in that direction, over other keyframes. */
  private step(index: number, by: number, step: number): void {
    const { keyframes, bars, loop } = this.story;
    const last = loop ? bars - step : bars;
    const others = keyframes.filter((_, k) => k !== index).map((frame) => frame.bar);
    let bar = Math.round((keyframes[index]!.bar + by) / step) * step;
    while (others.some((other) => Math.abs(other - bar) < 1e-6)) bar += by;
    if (bar < 0 || bar > last + 1e-9) return;
    this.handlers.move(index, bar, true);
    this.focus();
  }

  private flag(index: number): HTMLButtonElement | null {
    return (this.flags.children[index] as HTMLButtonElement | undefined) ?? null;
  }

  private xIn(event: MouseEvent): number {
    return event.clientX - this.flags.getBoundingClientRect().left;
  }

  private barOf(event: MouseEvent): number {
    return this.layout.barAt(this.xIn(event));
  }
}

export function beatsPerBar(story: Story): number {
  return Number(story.options.beats_per_bar) || 4;
}

/** Counted from 1, as on the ruler. */
function barName(bar: number): string {
  return String(Number((bar + 1).toFixed(3)));
}
