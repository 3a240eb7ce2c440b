// Paint's tools, as a toolbar: keys are in the buttons' titles.

import { el, icon, type IconName } from "../dom";
import type { Signal } from "../state";
import { isBrush, type Settings, SIZES, TOOLS } from "./settings";
import type { Grid } from "./spans";

export interface Commands {
  undo(): void;
  redo(): void;
  invert(): void;
  clear(): void;
  download(): void;
  load(file: File): void;
}

export interface Toolbar {
  readonly element: HTMLElement;
  setUndo(canUndo: boolean, canRedo: boolean): void;
}

export function toolbar(settings: Signal<Settings>, commands: Commands): Toolbar {
  const change = (values: Partial<Settings>): void => settings.update((old) => ({ ...old, ...values }));
  const tools = TOOLS.map(({ name, key, title }) =>
    iconButton(name, `${title} (${key.toUpperCase()})`, `tool-${name}`, () => change({ tool: name })),
  );
  const undo = iconButton("undo", "Undo (Ctrl+Z)", "undo", commands.undo);
  const redo = iconButton("redo", "Redo (Ctrl+Shift+Z)", "redo", commands.redo);
  const eye = iconButton("eye", "Show the mask (M)", "mask-shown", () =>
    change({ showsMask: !settings.get().showsMask }),
  );
  const grid = el(
    "select",
    { "data-testid": "grid", onchange: () => change({ grid: grid.value as Grid }) },
    el("option", { value: "beats" }, "beats"),
    el("option", { value: "bars" }, "bars"),
    el("option", { value: "off" }, "nothing"),
  );
  const size = slider("Size ([ and ])", "brush-size", SIZES.least, SIZES.most, (value) => change({ size: value }));
  const hardness = slider("Hardness", "brush-hardness", 0, 100, (value) => change({ hardness: value / 100 }));
  const snapping = el("label", { class: "setting" }, "Snaps to", grid);
  snapping.title = "What the ends of a time span snap to. Hold Alt to draw freely.";

  settings.on(
    (now) => {
      TOOLS.forEach(({ name }, k) => tools[k]!.setAttribute("aria-pressed", String(now.tool === name)));
      eye.setAttribute("aria-pressed", String(now.showsMask));
      grid.value = now.grid;
      size.input.value = String(now.size);
      hardness.input.value = String(Math.round(now.hardness * 100));
      size.element.hidden = hardness.element.hidden = !isBrush(now);
      snapping.hidden = now.tool !== "time";
    },
    { now: true },
  );
  const element = el(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Painting tools" },
    el("div", { class: "group" }, tools),
    el("div", { class: "group settings" }, snapping, size.element, hardness.element),
    el("div", { class: "group" }, undo, redo),
    el(
      "div",
      { class: "group" },
      eye,
      iconButton("invert", "Invert the mask (I)", "invert", commands.invert),
      iconButton("discard", "Clear the mask", "clear", commands.clear),
      iconButton("download", "Download the mask as PNG", "mask-download", commands.download),
      fileButton("Load a mask from a PNG", "mask-load", commands.load),
    ),
  );
  return {
    element,
    setUndo(canUndo, canRedo) {
      undo.disabled = !canUndo;
      redo.disabled = !canRedo;
    },
  };
}

function iconButton(name: IconName, title: string, testid: string, run: () => void): HTMLButtonElement {
  return el(
    "button",
    { type: "button", class: "icon-button", title, "aria-label": title, "data-testid": testid, onclick: run },
    icon(name),
  );
}

function fileButton(title: string, testid: string, chosen: (file: File) => void): HTMLElement[] {
  const input = el("input", {
    type: "file", accept: "image/png", hidden: true, "aria-label": title, "data-testid": `${testid}-file`,
    onchange: () => {
      const file = input.files?.[0];
      if (file) chosen(file);
      input.value = "";
    },
  });
  return [iconButton("upload", title, testid, () => input.click()), input];
}

function slider(
  label: string, testid: string, least: number, most: number, moved: (value: number) => void,
): { element: HTMLElement; input: HTMLInputElement } {
  const input = el("input", {
    type: "range", min: least, max: most, "data-testid": testid, oninput: () => moved(input.valueAsNumber),
  });
  return { element: el("label", { class: "setting" }, label, input), input };
}
