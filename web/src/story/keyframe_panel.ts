// The chosen keyframe's values; the fields come from the server's description of keyframes.

import type { Field } from "../api";
import { el } from "../dom";
import { type Control, controlOf } from "../fields";
import type { Keyframe } from "./script";

export interface KeyframePanel {
  readonly element: HTMLElement;
  setFields(fields: readonly Field[]): void;
  show(frame: Keyframe | null, step: number): void;
  focus(): void;
}

export interface KeyframeHandlers {
  /** Values as they are typed; `isDone` when the field is left. */
  change(values: Partial<Keyframe>, isDone: boolean): void;
  remove(): void;
}

export function keyframePanel(handlers: KeyframeHandlers): KeyframePanel {
  let controls: [Field, Control][] = [];
  const title = el("h2", {}, "Keyframe");
  const bar = el("input", { id: "keyframe-bar", type: "number", min: 1, "data-testid": "keyframe-bar" });
  const fields = el("div", { class: "fields" });
  const element = el(
    "section",
    { class: "panel stack keyframe", "aria-label": "The chosen keyframe" },
    title,
    el(
      "div",
      { class: "row" },
      el("div", { class: "field" }, el("label", { for: "keyframe-bar" }, "At bar"), bar),
      el("button", { type: "button", class: "button danger", "data-testid": "keyframe-remove", onclick: () => handlers.remove() }, "Remove"),
    ),
    fields,
  );
  const told = (isDone: boolean): void => {
    const values: Record<string, unknown> = {};
    for (const [field, control] of controls) {
      values[field.name] = control.value() ?? (field.required ? "" : field.default);
    }
    handlers.change(values as Partial<Keyframe>, isDone);
  };
  fields.addEventListener("input", () => told(false));
  fields.addEventListener("change", () => told(true));
  bar.addEventListener("change", () => {
    if (Number.isFinite(bar.valueAsNumber)) handlers.change({ bar: bar.valueAsNumber - 1 }, true);
  });
  return {
    element,
    setFields(described) {
      const shown = described.filter((field) => field.name !== "bar");
      controls = shown.map((field) => [field, controlOf(field)]);
      fields.replaceChildren(...controls.map(([, control]) => control.element));
    },
    show(frame, step) {
      element.hidden = frame === null;
      if (frame === null) return;
      bar.step = String(step);
      bar.value = String(Number((frame.bar + 1).toFixed(4)));
      for (const [field, control] of controls) {
        const value = frame[field.name as keyof Keyframe];
        if ((control.value() ?? field.default) !== value) control.set(value);
      }
    },
    focus() {
      fields.querySelector<HTMLElement>("input, textarea, select")?.focus();
    },
  };
}
