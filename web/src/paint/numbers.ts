// A selection by numbers, for those who don't use a pointer, and for exact work.

import type { Axes, Clip } from "../api";
import { el } from "../dom";
import { isEmpty, type Rect } from "./rect";
import { barToColumn, columnToBar, columnToSeconds, hzToRows, rowsToHz, secondsToColumn, timeOf } from "./spans";

export interface Numbers {
  readonly element: HTMLElement;
  setClip(clip: Clip, axes: Axes): void;
  /** Fill in what was selected otherwise. */
  show(rect: Rect): void;
}

/** `marked` is called with the selection, and whether it is added to the mask or removed. */
export function numbers(marked: (rect: Rect, adds: boolean) => void): Numbers {
  let clip: Clip | null = null;
  let axes: Axes | null = null;
  const [from, to] = [number("From", "select-from"), number("To", "select-to")];
  const [low, high] = [number("Low (Hz)", "select-low"), number("High (Hz)", "select-high")];
  const problem = el("p", { class: "note bad", role: "alert", "data-testid": "select-problem" });
  const unit = el(
    "select",
    { "data-testid": "select-unit", onchange: () => whole() },
    el("option", { value: "bars" }, "bars"),
    el("option", { value: "seconds" }, "seconds"),
  );

  const column = (value: number): number => {
    const time = timeOf(clip!, axes!);
    return unit.value === "bars" ? barToColumn(value, time) : secondsToColumn(value, time);
  };
  const show = (rect: Rect): void => {
    if (clip === null || axes === null) return;
    const time = timeOf(clip, axes);
    const place = (at: number): number =>
      unit.value === "bars" ? columnToBar(at, time) : columnToSeconds(at, time);
    const hz = rowsToHz({ from: rect.top, to: rect.bottom }, axes.hz);
    from.input.value = rounded(place(rect.left), 4);
    to.input.value = rounded(place(rect.right), 4);
    low.input.value = rounded(hz.low, 1);
    high.input.value = rounded(hz.high, 1);
  };
  const whole = (): void => {
    if (clip !== null) show({ left: 0, top: 0, right: clip.image.width, bottom: clip.image.height });
  };
  const mark = (adds: boolean): void => {
    problem.textContent = "";
    if (clip === null || axes === null) return;
    const rows = hzToRows(low.input.valueAsNumber, high.input.valueAsNumber, axes.hz);
    if (rows === null) {
      problem.textContent = `No row of the image lies there. It holds ${rounded(axes.hz.at(-1)!, 0)} to ${rounded(axes.hz[0]!, 0)} Hz.`;
      return;
    }
    const rect = {
      left: Math.max(0, column(from.input.valueAsNumber)),
      right: Math.min(clip.image.width, column(to.input.valueAsNumber)),
      top: rows.from,
      bottom: rows.to,
    };
    if (!(rect.right > rect.left) || isEmpty(rect)) {
      problem.textContent = "The end must come after the beginning, and both must lie in the clip.";
      return;
    }
    marked(rect, adds);
  };
  const element = el(
    "details",
    { class: "numbers", "data-testid": "numbers" },
    el("summary", {}, "Select by numbers"),
    el(
      "form",
      {
        class: "row",
        onsubmit: (event: Event) => {
          event.preventDefault();
          mark(true);
        },
      },
      from.element, to.element,
      el("div", { class: "field" }, el("label", { for: (unit.id = "select-unit") }, "in"), unit),
      low.element, high.element,
      el("button", { class: "button", "data-testid": "select-add" }, "Add to the mask"),
      el("button", { type: "button", class: "button", "data-testid": "select-remove", onclick: () => mark(false) }, "Remove"),
    ),
    problem,
  );
  return {
    element,
    setClip(newClip, newAxes) {
      const isNew = newClip.id !== clip?.id;
      [clip, axes] = [newClip, newAxes];
      unit.value = timeOf(clip, axes).columnsPerBeat === null ? "seconds" : unit.value;
      unit.disabled = timeOf(clip, axes).columnsPerBeat === null;
      if (isNew) whole();
    },
    show,
  };
}

function number(label: string, testid: string): { element: HTMLElement; input: HTMLInputElement } {
  const input = el("input", { id: testid, type: "number", step: "any", required: true, "data-testid": testid });
  return { element: el("div", { class: "field" }, el("label", { for: testid }, label), input), input };
}

function rounded(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
