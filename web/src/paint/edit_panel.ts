// What the marked part should become, and the button that makes it.

import type { App } from "../app";
import { UNREACHED, type Words } from "../api";
import { el } from "../dom";
import { taskForm, type TaskForm } from "../fields";
import { remembered } from "../remembered";
import { signal } from "../state";
import { onSubmitKey } from "../submit_key";

const MOST_CANDIDATES = 8;

interface Draft {
  readonly values: Words;
  readonly count: number;
}

export interface EditPanel {
  readonly element: HTMLElement;
  setBusy(isBusy: boolean): void;
  say(problem: string): void;
}

/** `wanted` is called with the form's values and the number of candidates. */
export function editPanel(app: App, wanted: (values: Words, count: number) => void): EditPanel {
  let form: TaskForm | null = null;
  const draft = remembered.get<Draft>("paint-edit", { values: {}, count: 2 });
  const fields = el("div");
  const problem = el("p", { class: "note bad", role: "alert", "data-testid": "edit-problem" });
  app.connected.on((now) => {
    if (now && problem.textContent === UNREACHED) problem.textContent = "";
  });
  const count = el("input", {
    id: "edit-count", type: "number", min: 1, max: MOST_CANDIDATES, step: 1, value: draft.count, "data-testid": "edit-count",
  });
  const save = (): void => {
    if (form) remembered.set<Draft>("paint-edit", { values: form.values(), count: count.valueAsNumber || draft.count });
  };
  count.addEventListener("input", save);
  const isBusy = signal(false);
  const button = el("button", { disabled: true, class: "button primary", "data-testid": "edit-run", title: "Regenerate (Ctrl+Enter)" }, "Regenerate");
  const ready = (): void => {
    button.disabled = form === null || isBusy.get();
  };
  const element = el(
    "form",
    {
      class: "panel stack edit",
      onsubmit: (event: Event) => {
        event.preventDefault();
        problem.textContent = "";
        if (form !== null && !button.disabled) wanted(form.values(), count.valueAsNumber || 1);
      },
    },
    el("h2", {}, "Regenerate what is marked"),
    el("p", { class: "note" }, "Without words, the part follows from what is around it."),
    fields,
    el(
      "div",
      { class: "row" },
      el("label", { class: "setting", for: "edit-count" }, "Candidates"),
      count,
      button,
    ),
    problem,
  );
  onSubmitKey(element, () => element.requestSubmit());
  app.tasks.on(
    (tasks) => {
      const task = tasks.find((one) => one.name === "edit");
      if (task === undefined || form !== null) return;
      form = taskForm(task, { skip: ["time", "freq"], shown: ["prompt", "strength", "keep_melody"], values: draft.values });
      form.onChange(save);
      fields.replaceChildren(form.element);
      ready();
    },
    { now: true },
  );
  isBusy.on(ready);
  return {
    element,
    setBusy: (busy) => isBusy.set(busy),
    say: (text) => {
      problem.textContent = form?.wrong(text) ? "" : text;
    },
  };
}
