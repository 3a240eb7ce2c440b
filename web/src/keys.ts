// The page's keys. Fields keep theirs; a focused button keeps Space where it was reached by keys.

import type { App, Mounted } from "./app";
import type { Transport } from "./transport";
import { el } from "./dom";

export function listenToKeys(app: App, transport: Transport, view: () => Mounted, help: () => void): void {
  // a key pressed on what a click has focused makes it :focus-visible, too late for us
  let byKeys = true;
  let focusedByKeys = true;
  document.addEventListener("pointerdown", () => (byKeys = false), true);
  document.addEventListener("keydown", (event) => (byKeys = event.key === "Tab" || event.key.startsWith("Arrow") ? true : byKeys), true);
  document.addEventListener("focusin", () => (focusedByKeys = byKeys));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const target = event.target as HTMLElement;
    if (isText(target)) return;
    if (dealtWith(event, target)) event.preventDefault();
  });

  function dealtWith(event: KeyboardEvent, target: HTMLElement): boolean {
    const { engine } = app;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (command && key === "z") {
      const run = event.shiftKey ? view().redo : view().undo;
      run?.call(view());
      return run !== undefined;
    }
    if (command && key === "y") {
      view().redo?.();
      return view().redo !== undefined;
    }
    if (command || event.altKey) return false;
    if (key === " ") {
      if (focusedByKeys && ownsSpace(target)) return false;
      transport.toggle();
      return true;
    }
    if (view().key?.(event)) return true;
    if (key === "ArrowLeft" || key === "ArrowRight") {
      if (target.closest("input, select, [role=tablist], [role=menu], [role=slider], [role=grid], [role=listbox]")) return false;
      transport.move(event.shiftKey ? "bar" : "beat", key === "ArrowLeft" ? -1 : 1);
      return true;
    }
    if (key === "Home" && !target.closest("input, select, [role=menu]")) engine.seek(0);
    else if (key === "l") engine.loop.update((on) => !on);
    else if (key === "[") transport.braceAt("start");
    else if (key === "]") transport.braceAt("end");
    else if (key === "\\") engine.brace.set(null);
    else if (key === "?") help();
    else return false;
    return true;
  }
}

function isText(target: HTMLElement): boolean {
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (!(target instanceof HTMLInputElement)) return false;
  return !["checkbox", "radio", "range", "button", "file", "color"].includes(target.type);
}

function ownsSpace(target: HTMLElement): boolean {
  if (target instanceof HTMLSelectElement) return true;
  if (target.matches("input[type=range]")) return false;
  return target.closest("button, a, summary, input, [role=menuitem], [role=tab], [role=option]") !== null;
}

const KEYS: [string, string][] = [
  ["Space", "Play or pause"],
  ["← →", "Move by a beat; with Shift by a bar"],
  ["Home", "Go to the start"],
  ["1 … 9", "Switch to that candidate on the next downbeat"],
  ["K, V, Delete", "Keep, vary or discard the candidate that sounds"],
  ["R, T, F, B, E, V", "Paint: rectangle, time span, band, brush, eraser, play position"],
  ["I, M, C", "Paint: invert the mask, show it, compare before and after"],
  ["L", "Loop on or off"],
  ["[  ]  \\", "Loop from here, to here, the whole clip"],
  ["Ctrl Enter", "Make"],
  ["Ctrl Z, Ctrl Shift Z", "Undo, redo"],
  ["Ctrl wheel, pinch", "Zoom into the spectrogram"],
  ["Alt while dragging", "Place the loop freely, not on beats"],
  ["?", "This list"],
];

export function helpDialog(): HTMLDialogElement {
  const dialog = el(
    "dialog", { class: "help", "aria-labelledby": "keys-title", "data-testid": "keys" },
    el("h2", { id: "keys-title" }, "Keys"),
    el("dl", {}, KEYS.flatMap(([key, what]) => [el("dt", {}, key), el("dd", {}, what)])),
    el("form", { method: "dialog" }, el("button", { class: "button" }, "Close")),
  );
  return dialog;
}
