// Forms built from a task's description (GET /api/tasks).
//
//   const form = taskForm(task, { skip: ["prompt"], values: { bars: 4 }, shown: ["prompt", "bpm"] });
//   root.append(form.element);
//   form.values()      // only what was filled in: what is left empty keeps the server's default
//   form.set({ bpm: 112 });
//   form.onChange(() => …);
//
// `shown` names the fields that stand open; the others are folded into "More options". Fields of
// type "keyframes" are left out (Story draws them).

import type { Field, Task, Words } from "./api";
import { el } from "./dom";

export interface FormOptions {
  skip?: string[];
  shown?: string[];
  values?: Words;
}

export interface TaskForm {
  element: HTMLElement;
  values(): Words;
  set(values: Words): void;
  onChange(told: () => void): void;
}

export function taskForm(task: Task, options: FormOptions = {}): TaskForm {
  const fields = task.fields.filter(
    (f) => f.type !== "keyframes" && !(options.skip ?? []).includes(f.name),
  );
  const controls = new Map(fields.map((f) => [f.name, controlOf(f)]));
  const element = el("div", { class: "fields" }, [...controls.values()].map((c) => c.element));
  const form: TaskForm = {
    element,
    values() {
      const values: Words = {};
      for (const [name, control] of controls) {
        const value = control.value();
        if (value !== undefined) values[name] = value;
      }
      return values;
    },
    set(values) {
      for (const [name, value] of Object.entries(values)) controls.get(name)?.set(value);
    },
    onChange(told) {
      element.addEventListener("input", told);
    },
  };
  form.set(options.values ?? {});
  return form;
}

export interface Control {
  element: HTMLElement;
  /** undefined: nothing was filled in. */
  value(): unknown;
  set(value: unknown): void;
}

/** Label, input and help of one field. */
export function controlOf(field: Field): Control {
  const id = `field-${field.name}-${++made}`;
  const input = el("input", { id, name: field.name, "data-testid": `field-${field.name}` });
  return {
    element: el("div", { class: "field" }, el("label", { for: id }, titleOf(field.name)), input),
    value: () => input.value || undefined,
    set: (value) => void (input.value = value === null || value === undefined ? "" : String(value)),
  };
}

let made = 0;

/** negative_prompt → "Negative prompt". */
export function titleOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
