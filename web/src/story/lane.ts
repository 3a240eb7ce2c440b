// The way from prompt to prompt as a band of colors, with each keyframe's own at its bar.

import { between, type Story } from "./script";

/** Hues that differ in lightness, too; the text beside them says what they stand for. */
const COLORS = ["#c9772b", "#4f7fc4", "#5a9a5e", "#a5568f", "#b9a33c", "#4aa3a3"];

export function colorOf(index: number): string {
  return COLORS[index % COLORS.length]!;
}

/** `barAt` says which bar lies at an x of the canvas. */
export function drawLane(canvas: HTMLCanvasElement, story: Story, barAt: (x: number) => number): void {
  const context = canvas.getContext("2d")!;
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  for (let x = 0; x < width; x++) {
    const bar = barAt(x + 0.5);
    if (bar < 0 || bar >= story.bars) continue;
    const { before, after, t } = between(story, bar);
    context.globalAlpha = 1;
    context.fillStyle = colorOf(before);
    context.fillRect(x, 0, 1, height);
    context.globalAlpha = t;
    context.fillStyle = colorOf(after);
    context.fillRect(x, 0, 1, height);
  }
  context.globalAlpha = 1;
}
