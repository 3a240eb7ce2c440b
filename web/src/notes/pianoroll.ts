// The piano roll: every track's notes over time, edited with the pointer or the keyboard.
//
//   const roll = new PianoRoll(root, app, doc, axis, { grid: () => 0.25, sample, heard });
//   roll.position(2.5);          // the playhead, in beats; null hides it
//   roll.drawing = true;         // a press on empty ground draws a note, not only a double click

import type { App } from "../app";
import { el } from "../dom";
import type { BeatAxis } from "./axis";
import type { ScoreDoc } from "./doc";
import { lineBefore, snapped } from "./grid";
import { describeNote } from "./notelist";
import type { Box } from "./rollpainter";
import { RollPainter } from "./rollpainter";
import type { Row } from "./rows";
import { Rows } from "./rows";
import type { Note, Place, Score } from "./score";
import { changeNote, addNote, isDrums, noteAt, SHORTEST } from "./score";

export interface RollOptions {
  /** The grid's step in beats. */
  grid(): number;
  /** Sounds a note of a track. */
  sample(track: number, note: Note): void;
  /** Whether a track is heard; others are drawn faintly. */
  heard(track: number): boolean;
}

type Grip = "move" | "start" | "end";

interface Drag {
  readonly grip: Grip;
  readonly place: Place;
  readonly score: Score;
  readonly note: Note;
  /** Where in the note it was gripped, in beats. */
  readonly offset: number;
  readonly rows: Rows;
}

const EDGE = 7;
const USUAL_VELOCITY = 96;
const STEP_VELOCITY = 8;

export class PianoRoll {
  readonly element: HTMLElement;
  drawing = false;
  private readonly canvas: HTMLCanvasElement;
  private readonly playhead = el("div", { class: "roll-playhead", hidden: true });
  private readonly said = el("div", { class: "only-read", "aria-live": "polite" });
  private readonly offs: (() => void)[] = [];
  private rows: Rows | null = null;
  private drag: Drag | null = null;
  private frame = 0;
  private width = 0;

  constructor(
    root: HTMLElement,
    app: App,
    private readonly doc: ScoreDoc,
    private readonly axis: BeatAxis,
    private readonly options: RollOptions,
  ) {
    this.canvas = el("canvas", {
      tabindex: 0, role: "application", "data-testid": "roll",
      "aria-label": "Piano roll. Arrow keys move the chosen note, with Shift they change its length " +
        "and octave; plus and minus its loudness; Delete removes it, Enter adds one; Page Up and " +
        "Page Down choose another.",
    });
    this.element = el("div", { class: "roll" }, this.canvas, this.playhead, this.said);
    root.append(this.element);
    const watching = new ResizeObserver(() => this.resized());
    watching.observe(this.element);
    this.offs.push(
      () => watching.disconnect(),
      doc.now.on(() => this.changed(), { now: true }),
      doc.chosen.on(() => this.redraw()),
      doc.track.on(() => this.redraw()),
      axis.window.on(() => this.redraw()),
      app.theme.on(() => this.redraw()),
    );
    this.listen();
  }

  destroy(): void {
    this.offs.forEach((off) => off());
    this.element.remove();
  }

  position(beat: number | null): void {
    const x = beat === null ? -1 : this.axis.xOf(beat);
    this.playhead.hidden = x < this.axis.gutter - 1 || x > this.width;
    this.playhead.style.transform = `translateX(${x}px)`;
  }

  redraw(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Where a note is on the page's canvas: for tests, and for what points at it. */
  boxOf(place: Place): Box | null {
    const score = this.doc.score;
    const note = score && noteAt(score, place);
    const row = note && this.rows?.of(note[2], isDrums(score.tracks[place.track]!));
    if (!note || !row) return null;
    const x = this.axis.xOf(note[0]);
    return { x, y: row.top, width: Math.max(3, this.axis.xOf(note[0] + note[1]) - x), height: row.height };
  }

  /** Keys of the roll. True: it was one. */
  key(event: KeyboardEvent): boolean {
    const { doc } = this;
    if (!doc.score || event.ctrlKey || event.metaKey) return false;
    if (event.key === "Enter") return this.addByKey();
    if (event.key === "PageDown" || event.key === "PageUp") {
      return this.chooseNext(event.key === "PageDown" ? 1 : -1);
    }
    const note = doc.note;
    if (!note) return false;
    const [start, duration, pitch, velocity] = note;
    const step = event.altKey ? SHORTEST : this.options.grid();
    const { shiftKey: shift } = event;
    const by = (sign: number) =>
      shift ? { duration: Math.max(step, duration + sign * step) } : { start: start + sign * step };
    if (event.key === "ArrowRight") doc.change(by(1));
    else if (event.key === "ArrowLeft") doc.change(by(-1));
    else if (event.key === "ArrowUp") doc.change({ pitch: this.stepped(pitch, 1, shift) });
    else if (event.key === "ArrowDown") doc.change({ pitch: this.stepped(pitch, -1, shift) });
    else if (event.key === "+" || event.key === "=") doc.change({ velocity: velocity + STEP_VELOCITY });
    else if (event.key === "-" || event.key === "−") doc.change({ velocity: velocity - STEP_VELOCITY });
    else if (event.key === "Escape") doc.chosen.set(null);
    else if (event.key === "Delete" || event.key === "Backspace") {
      doc.remove();
      this.said.textContent = "Removed";
      return true;
    } else return false;
    this.tell(true);
    return true;
  }

  /** The next pitch up or down; a drum goes to the next row. */
  private stepped(pitch: number, way: 1 | -1, octave: boolean): number {
    const place = this.doc.chosen.get()!;
    if (!isDrums(this.doc.score!.tracks[place.track]!)) return pitch + way * (octave ? 12 : 1);
    const drums = this.rows!.all.filter((row) => row.drum);
    const at = drums.findIndex((row) => row.pitch === pitch);
    return drums[Math.min(Math.max(at - way, 0), drums.length - 1)]!.pitch;
  }

  private addByKey(): boolean {
    const { doc } = this;
    const before = doc.note;
    const own = doc.score!.tracks[doc.track.get()];
    if (!own) return false;
    const last = before ?? own.notes[0] ?? [0, 0, isDrums(own) ? 36 : 60, USUAL_VELOCITY];
    const step = this.options.grid();
    const start = before ? (before[0] + before[1]) % doc.score!.facts.n_beats : 0;
    doc.add([snapped(start, step), before ? before[1] : Math.max(step, 0.5), last[2], last[3]]);
    this.tell(true);
    return true;
  }

  private chooseNext(way: number): boolean {
    const { doc } = this;
    const track = doc.track.get();
    const count = doc.score!.tracks[track]?.notes.length ?? 0;
    if (count === 0) return true;
    const place = doc.chosen.get();
    const at = place?.track === track ? place.note + way : way > 0 ? 0 : count - 1;
    doc.chosen.set({ track, note: (at + count) % count });
    this.tell(true);
    return true;
  }

  /** Says the chosen note to screen readers, and sounds it. */
  private tell(sound: boolean): void {
    const place = this.doc.chosen.get();
    const note = this.doc.note;
    if (!place || !note || !this.doc.score) return;
    this.said.textContent = describeNote(this.doc.score, place.track, note);
    if (sound) this.options.sample(place.track, note);
  }

  private changed(): void {
    const { score } = this.doc;
    if (!this.drag) this.rows = score && new Rows(score);
    if (score) this.element.style.height = `${this.rows!.height}px`;
    this.redraw();
  }

  private resized(): void {
    const { width } = this.element.getBoundingClientRect();
    if (!width) return;
    this.width = width;
    this.redraw();
  }

  // Pointers

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(name, () => this.release());
    }
    // A finger on empty ground scrolls the page; on a note it moves the note.
    canvas.addEventListener("touchstart", (event) => {
      const box = canvas.getBoundingClientRect();
      const touch = event.touches[0]!;
      const hit = this.hit(touch.clientX - box.left, touch.clientY - box.top);
      if (event.touches.length === 1 && (hit || this.drawing)) event.preventDefault();
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      if (!this.drawing && !this.hit(event.offsetX, event.offsetY)) this.drawAt(event, false);
    });
    canvas.addEventListener("contextmenu", (event) => {
      const hit = this.hit(event.offsetX, event.offsetY);
      if (!hit) return;
      event.preventDefault();
      this.doc.chosen.set(hit.place);
      this.doc.remove();
    });
    canvas.addEventListener("keydown", (event) => {
      if (!this.key(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey) this.axis.zoom(Math.exp(-event.deltaY / 200), event.offsetX);
      else {
        const by = event.shiftKey ? event.deltaY : event.deltaX;
        if (!by) return;
        this.axis.scrollTo(this.axis.window.get().left + by / this.axis.window.get().scale);
      }
      event.preventDefault();
    }, { passive: false });
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0 || !this.doc.score || event.offsetX < this.axis.gutter) return;
    const hit = this.hit(event.offsetX, event.offsetY);
    if (!hit) {
      this.doc.chosen.set(null);
      if (this.drawing) this.drawAt(event, true);
      return;
    }
    this.doc.chosen.set(hit.place);
    this.doc.begin();
    this.take(event, hit.place, hit.grip);
    this.tell(true);
  }

  private take(event: PointerEvent, place: Place, grip: Grip): void {
    const score = this.doc.score!;
    const note = noteAt(score, place)!;
    const offset = this.axis.beatAt(event.offsetX) - note[0];
    this.drag = { grip, place, score, note, offset, rows: this.rows! };
    this.canvas.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    if (this.drag) return this.dragTo(event);
    const hit = this.hit(event.offsetX, event.offsetY);
    const cursor = hit ? (hit.grip === "move" ? "grab" : "ew-resize") : this.drawing ? "crosshair" : "";
    this.canvas.style.cursor = cursor;
  }

  private dragTo(event: PointerEvent): void {
    const { grip, place, score, note, offset } = this.drag!;
    const [start, duration, pitch] = note;
    const step = event.altKey ? 0 : this.options.grid();
    const on = (beat: number) => (step ? snapped(beat, step) : beat);
    const beat = this.axis.beatAt(event.offsetX);
    const least = step || SHORTEST;
    const drum = isDrums(score.tracks[place.track]!);
    let changed;
    if (grip === "end") {
      changed = changeNote(score, place, { duration: Math.max(least, on(beat) - start) });
    } else if (grip === "start") {
      const end = start + duration;
      const from = Math.min(Math.max(0, on(beat)), end - least);
      changed = changeNote(score, place, { start: from, duration: end - from });
    } else {
      const row = this.rows!.near(event.offsetY, drum);
      // A press without a move leaves a note that lies off the grid where it is.
      const moved = Math.abs(beat - offset - start) * this.axis.window.get().scale > 3;
      changed = changeNote(score, place, {
        start: moved ? on(beat - offset) : start, pitch: row?.pitch ?? pitch,
      });
    }
    const before = this.doc.note?.[2];
    this.doc.set(...changed);
    if (grip === "move" && this.doc.note && this.doc.note[2] !== before) this.tell(true);
  }

  private release(): void {
    if (!this.drag) return;
    this.drag = null;
    this.doc.commit();
    this.changed();
  }

  /** A note on the row that was pressed, of the chosen track or, on a drum's row, of the kit. */
  private drawAt(event: PointerEvent | MouseEvent, dragging: boolean): void {
    const { doc } = this;
    const score = doc.score!;
    const row = this.rows?.atY(event.offsetY);
    const beat = this.axis.beatAt(event.offsetX);
    if (!row || beat < 0 || beat >= score.facts.n_beats) return;
    const track = this.trackFor(score, row);
    if (track < 0) return;
    const step = this.options.grid();
    const start = event.altKey ? beat : lineBefore(beat, step);
    doc.begin();
    doc.set(...addNote(score, track, [start, step, row.pitch, USUAL_VELOCITY]));
    this.tell(true);
    if (event instanceof PointerEvent && dragging) this.take(event, doc.chosen.get()!, "end");
    else doc.commit();
  }

  private trackFor(score: Score, row: Row): number {
    const chosen = this.doc.track.get();
    if (isDrums(score.tracks[chosen]!) === row.drum) return chosen;
    return score.tracks.findIndex((track) => isDrums(track) === row.drum);
  }

  /** The note under a point: of the chosen track first, then the last drawn. */
  private hit(x: number, y: number): { place: Place; grip: Grip } | null {
    const score = this.doc.score;
    const row = this.rows?.atY(y);
    if (!score || !row || x < this.axis.gutter) return null;
    for (const track of this.order(score).reverse()) {
      if (isDrums(score.tracks[track]!) !== row.drum) continue;
      const notes = score.tracks[track]!.notes;
      for (let note = notes.length - 1; note >= 0; note--) {
        if (notes[note]![2] !== row.pitch) continue;
        const box = this.boxOf({ track, note })!;
        if (x < box.x - 1 || x > box.x + box.width + 1) continue;
        const edge = Math.min(EDGE, box.width / 3);
        const grip = x > box.x + box.width - edge ? "end" : x < box.x + edge ? "start" : "move";
        return { place: { track, note }, grip: row.drum && grip !== "move" ? "move" : grip };
      }
    }
    return null;
  }

  /** The chosen track is drawn last. */
  private order(score: Score): number[] {
    const chosen = this.doc.track.get();
    return [...score.tracks.keys()].sort((a, b) => Number(a === chosen) - Number(b === chosen));
  }

  private draw(): void {
    const { score } = this.doc;
    const { rows, canvas, width, axis } = this;
    if (!score || !rows || !width) return;
    const style = getComputedStyle(this.element);
    const color = (name: string) => style.getPropertyValue(name).trim();
    new RollPainter(canvas, color, {
      score, rows, axis, width,
      step: this.options.grid(),
      chosen: this.doc.chosen.get(),
      order: this.order(score),
      heard: (track) => this.options.heard(track),
      boxOf: (place) => this.boxOf(place),
    }).draw();
  }
}
