// What is chosen in Paint's toolbar.

import type { Grid } from "./spans";

export const TOOLS = [
  { name: "rectangle", key: "r", title: "Rectangle" },
  { name: "time", key: "t", title: "Time span" },
  { name: "band", key: "f", title: "Frequency band" },
  { name: "brush", key: "b", title: "Brush" },
  { name: "eraser", key: "e", title: "Eraser" },
  { name: "seek", key: "v", title: "Play position" },
] as const;

export type Tool = (typeof TOOLS)[number]["name"];

export interface Settings {
  readonly tool: Tool;
  /** Diameter of brush and eraser in CSS pixels of the screen. */
  readonly size: number;
  readonly hardness: number;
  /** What the ends of time spans snap to. */
  readonly grid: Grid;
  readonly showsMask: boolean;
}

export function isBrush({ tool }: Settings): boolean {
  return tool === "brush" || tool === "eraser";
}

export const FIRST: Settings = {
  tool: "time", size: 32, hardness: 0.8, grid: "beats", showsMask: true,
};

export const SIZES = { least: 2, most: 256 };

/** The next size up or down, by a sixth. */
export function resized(size: number, by: 1 | -1): number {
  const next = by > 0 ? Math.max(size + 1, size * 1.17) : Math.min(size - 1, size / 1.17);
  return Math.round(Math.min(SIZES.most, Math.max(SIZES.least, next)));
}
