// A clip as a file for another program: a panel asks for the kind and its options.

import type { App } from "./app";
import type { Clip, Exporter, Words } from "./api";
import { el, icon } from "./dom";
import { taskForm, type TaskForm } from "./fields";
import { remembered } from "./remembered";
import { saveAs } from "./save";
import { onSubmitKey } from "./submit_key";

const NAMES: Record<string, string> = {
  dawproject: "DAWproject (Bitwig, Cubase, Studio One)", midi: "MIDI", pack: "Everything in a ZIP",
  reaper: "Reaper project", stems: "Stems", video: "Video", wav: "WAV for DAWs and samplers",
};

export function openExport(app: App, clip: Clip): void {
  const body = el("div", { class: "stack" });
  const problem = el("p", { class: "note bad", role: "alert", "data-testid": "export-problem" });
  const close = el(
    "button",
    { type: "button", class: "icon-button quiet", "aria-label": "Close", title: "Close", onclick: () => dialog.close() },
    icon("close"),
  );
  const dialog = el(
    "dialog",
    { class: "drop-panel", "aria-label": `Export ${clip.title}`, "data-testid": "export-panel" },
    el("div", { class: "row apart" }, el("h2", {}, `Export “${clip.title}”`), close),
    body, problem,
  );
  const ending = new AbortController();
  dialog.addEventListener("close", () => {
    ending.abort();
    dialog.remove();
  });
  onSubmitKey(dialog, () => dialog.querySelector("form")?.requestSubmit());
  document.body.append(dialog);
  dialog.showModal();
  app.api.exporters().then(
    (exporters) => {
      body.append(asking(app, clip, exporters, problem, ending.signal, () => dialog.close()));
      body.querySelector("select")?.focus();
    },
    (error: Error) => {
      problem.textContent = error.message;
    },
  );
}

function asking(
  app: App, clip: Clip, exporters: Exporter[], problem: HTMLElement, ending: AbortSignal, done: () => void,
): HTMLElement {
  const kind = el("select", { id: "export-kind", "data-testid": "export-kind" });
  const summary = el("p", { class: "note" });
  const fields = el("div");
  const start = el("button", { class: "button primary", title: "Ctrl+Enter", "data-testid": "export-start" }, "Export");
  const status = el("p", { class: "note", role: "status" });
  let form: TaskForm | null = null;
  kind.append(...exporters.map((one) => el("option", { value: one.kind }, NAMES[one.kind] ?? one.kind)));
  const last = remembered.get("export-kind", "");
  if (exporters.some((one) => one.kind === last)) kind.value = last;
  const choose = (): void => {
    const chosen = exporters.find((one) => one.kind === kind.value)!;
    remembered.set("export-kind", chosen.kind);
    problem.textContent = "";
    summary.textContent = chosen.summary;
    const shown = chosen.fields.map((field) => field.name);
    form = taskForm({ name: "export", summary: "", count: null, inputs: [], fields: chosen.fields }, { shown });
    fields.replaceChildren(form.element);
  };
  kind.addEventListener("change", choose);
  choose();
  const run = async (): Promise<void> => {
    if (start.disabled || !form) return;
    start.disabled = true;
    problem.textContent = "";
    status.textContent = "It is being made …";
    try {
      const { file, name } = await app.api.exported(clip.id, kind.value, form.values() as Words, ending);
      saveAs(file, name);
      done();
    } catch (error) {
      const { message } = error as Error;
      if (!ending.aborted && !form.wrong(message)) problem.textContent = message;
    } finally {
      start.disabled = false;
      status.textContent = "";
    }
  };
  return el(
    "form",
    { class: "stack", onsubmit: (event: Event) => (event.preventDefault(), void run()) },
    el("div", { class: "field" }, el("label", { for: "export-kind" }, "What to write"), kind),
    summary, fields, el("div", { class: "row" }, start, status),
  );
}
