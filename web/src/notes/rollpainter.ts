// Draws a piano roll: rows and grid, notes in their track's color, and the rows' names.

import type { BeatAxis } from "./axis";
import type { Rows } from "./rows";
import type { Place, Score } from "./score";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface RollPicture {
  readonly score: Score;
  readonly rows: Rows;
  readonly axis: BeatAxis;
  /** CSS pixels. */
  readonly width: number;
  /** The grid's, in beats. */
  readonly step: number;
  readonly chosen: Place | null;
  /** Tracks in the order in which they are drawn; the last is the one that is written to. */
  readonly order: readonly number[];
  heard(track: number): boolean;
  boxOf(place: Place): Box | null;
}

const PAD = 1;
const N_COLORS = 8;
/** Width of the keyboard; gutters below NARROW have no room for names beside it. */
const KEY = 13;
const NARROW = 50;

export class RollPainter {
  private readonly pen: CanvasRenderingContext2D;

  /** `color` gives the value of a CSS variable. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly color: (name: string) => string,
    private readonly picture: RollPicture,
  ) {
    this.pen = canvas.getContext("2d")!;
  }

  draw(): void {
    const { pen, canvas } = this;
    const { rows, axis, width, order } = this.picture;
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(rows.height * dense);
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    this.drawRows();
    pen.save();
    pen.beginPath();
    pen.rect(axis.gutter, 0, width - axis.gutter, rows.height);
    pen.clip();
    this.drawGrid();
    for (const track of order) this.drawTrack(track);
    this.drawChosen();
    pen.restore();
    this.drawNames();
  }

  private drawRows(): void {
    const { pen, color } = this;
    const { rows, axis, width } = this.picture;
    for (const row of rows.all) {
      pen.fillStyle = color(row.dark ? "--roll-black" : "--roll-white");
      pen.fillRect(axis.gutter, row.top, width - axis.gutter, row.height);
      const isC = !row.drum && row.pitch % 12 === 0;
      pen.fillStyle = color(isC || row.drum ? "--grid" : "--roll-line");
      pen.fillRect(axis.gutter, row.top + row.height - 1, width - axis.gutter, 1);
    }
  }

  private drawGrid(): void {
    const { pen, color } = this;
    const { score, rows, axis, step } = this.picture;
    const { scale } = axis.window.get();
    const { n_beats: beats, beats_per_bar: perBar } = score.facts;
    const line = (beat: number, name: string) => {
      pen.fillStyle = color(name);
      pen.fillRect(Math.round(axis.xOf(beat)), 0, 1, rows.height);
    };
    if (step < 1 && step * scale > 9) {
      for (let k = 0; k * step < beats; k++) line(k * step, "--roll-line");
    }
    for (let beat = 0; beat <= beats; beat++) {
      if (beat % perBar === 0) line(beat, "--grid-strong");
      else if (scale > 7) line(beat, "--grid");
    }
  }

  private drawTrack(track: number): void {
    const { pen, color } = this;
    const { score, axis, order } = this.picture;
    const chosen = track === order[order.length - 1];
    const own = color(`--track-${(track % N_COLORS) + 1}`);
    const faint = this.picture.heard(track) ? 1 : 0.25;
    score.tracks[track]!.notes.forEach((note, at) => {
      const box = this.picture.boxOf({ track, note: at });
      if (!box || box.x > this.picture.width || box.x + box.width < axis.gutter) return;
      pen.globalAlpha = faint * (0.45 + (0.55 * note[3]) / 127) * (chosen ? 1 : 0.72);
      pen.fillStyle = own;
      pen.beginPath();
      const width = Math.max(2, box.width - 1);
      pen.roundRect(box.x, box.y + PAD, width, box.height - 2 * PAD - 1, 2);
      pen.fill();
    });
    pen.globalAlpha = 1;
  }

  private drawChosen(): void {
    const { pen, color } = this;
    const place = this.picture.chosen;
    const box = place && this.picture.boxOf(place);
    if (!box) return;
    pen.strokeStyle = color("--text");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.roundRect(box.x, box.y, Math.max(4, box.width - 1), box.height - 1, 3);
    pen.stroke();
  }

  private drawNames(): void {
    const { pen, color } = this;
    const { rows, axis: { gutter } } = this.picture;
    const narrow = gutter < NARROW;
    pen.textBaseline = "middle";
    pen.fillStyle = color("--surface");
    pen.fillRect(0, 0, gutter, rows.height);
    for (const row of rows.all) {
      const middle = row.top + row.height / 2;
      if (!row.drum) {
        pen.fillStyle = color(row.dark ? "--key-black" : "--key-white");
        pen.fillRect(gutter - KEY - 1, row.top, KEY, row.height - 1);
      }
      pen.fillStyle = color(row.drum && narrow ? "--text" : "--muted");
      pen.font = `${Math.min(11, row.height - 1)}px system-ui, sans-serif`;
      pen.textAlign = row.drum && narrow ? "left" : "right";
      if (row.drum) pen.fillText(row.name, narrow ? gutter + 3 : gutter - 5, middle);
      else if (row.pitch % 12 === 0 || (row.height >= 13 && !narrow)) {
        pen.fillText(row.name, gutter - KEY - 5, middle);
      }
    }
  }
}
