// Draws the marks of a spectrogram's axes, its grid and its playhead.

import { hzMarks, noteMarks } from "./axes";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A bar or beat at an x of the canvas. */
export interface TimeLine {
  x: number;
  text: string;
  weight: 1 | 2;
}

type Color = (name: string) => string;

export function drawGrid(
  context: CanvasRenderingContext2D, plot: Box, lines: TimeLine[], color: Color,
): void {
  for (const line of lines) {
    const x = Math.round(line.x) + 0.5;
    context.strokeStyle = color(line.weight === 2 ? "--grid-strong" : "--grid");
    context.beginPath();
    context.moveTo(x, plot.y);
    context.lineTo(x, plot.y + plot.height);
    context.stroke();
  }
}

/** The frames at the left and on top: frequencies and notes, bars and beats. */
export function drawAxes(
  context: CanvasRenderingContext2D, plot: Box, lines: TimeLine[], hz: number[] | null, color: Color,
): void {
  const right = plot.x + plot.width;
  const bottom = plot.y + plot.height;
  context.fillStyle = color("--surface");
  context.fillRect(0, 0, plot.x, bottom);
  context.fillRect(0, 0, right, plot.y);
  context.strokeStyle = color("--line");
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.beginPath();
  context.moveTo(plot.x - 0.5, 0);
  context.lineTo(plot.x - 0.5, bottom);
  context.moveTo(0, plot.y - 0.5);
  context.lineTo(right, plot.y - 0.5);
  context.stroke();
  if (hz) drawPitches(context, plot, hz, color);
  context.textAlign = "left";
  context.save();
  context.beginPath();
  context.rect(plot.x, 0, plot.width, plot.y);
  context.clip();
  for (const { x, text, weight } of lines) {
    const strong = weight === 2;
    context.fillStyle = color(strong ? "--text" : "--muted");
    context.fillRect(Math.round(x), plot.y - (strong ? 7 : 4), 1, strong ? 6 : 3);
    if (text) context.fillText(text, x + 4, plot.y - 9);
  }
  context.restore();
}

function drawPitches(
  context: CanvasRenderingContext2D, plot: Box, hz: number[], color: Color,
): void {
  const yOf = (row: number) => plot.y + (row / hz.length) * plot.height;
  context.fillStyle = color("--muted");
  context.textAlign = "right";
  context.fillText("Hz", plot.x - 8, plot.y / 2);
  for (const mark of hzMarks(hz, plot.height)) {
    context.fillText(mark.text, plot.x - 8, yOf(mark.at));
    context.fillRect(plot.x - 5, Math.round(yOf(mark.at)), 4, 1);
  }
  // the notes beside the numbers, or where there is no room on the image's edge
  const beside = plot.x > 50;
  context.textAlign = "left";
  if (beside) context.fillText("note", 7, plot.y / 2);
  else context.fillStyle = color("--text");
  context.shadowColor = color("--ground");
  context.shadowBlur = beside ? 0 : 4;
  for (const mark of noteMarks(hz, plot.height)) {
    context.fillText(mark.text, beside ? 7 : plot.x + 4, yOf(mark.at));
  }
  context.shadowBlur = 0;
}

export function drawPlayhead(
  context: CanvasRenderingContext2D, plot: Box, x: number, color: Color, handle: boolean,
): void {
  context.fillStyle = color("--playhead");
  context.shadowColor = color("--ground");
  context.shadowBlur = 3;
  context.fillRect(x - 0.75, plot.y, 1.5, plot.height);
  context.shadowBlur = 0;
  if (!handle) return;
  context.beginPath();
  context.moveTo(x - 5, plot.y - 7);
  context.lineTo(x + 5, plot.y - 7);
  context.lineTo(x, plot.y);
  context.fill();
}
