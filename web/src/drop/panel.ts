// Files that are dropped on the page, or chosen: a panel asks what to do with them.
//
//   listenForDrops(app, (files) => false);   // a view may take them first: true
//   openFile(app, file);                     // the panel, for a file that was chosen

import "./drop.css";
import type { App } from "../app";
import { el, icon } from "../dom";
import { taskForm, type TaskForm } from "../fields";
import { secondsOf } from "../format";
import type { Upload, Words } from "../api";
import { brought } from "../notes/brought";
import { presentClip, presentFirst } from "../play_first";
import { onSubmitKey } from "../submit_key";
import { type Action, actionsFor } from "./actions";
import { upload } from "./upload";

const SHOWN = ["prompt", "last", "strength", "distance", "bars", "bpm", "key"];

export function listenForDrops(app: App, taken: (files: File[]) => boolean): void {
  const hint = el("div", { class: "drop-hint", hidden: true }, el("p", {}, "Drop a sound, a spectrogram (PNG) or a MIDI file"));
  document.body.append(hint);
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hint.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) hint.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hint.hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0 || taken(files)) return;
    if (files.length > 1) app.say(`One file at a time: this is ${files[0]!.name}.`);
    openFile(app, files[0]!);
  });
}

/** A button that opens a file, for those who can't drop one. */
export function openButton(app: App, label = "Open a file"): HTMLElement {
  const input = el("input", {
    type: "file", hidden: true, "aria-label": label, "data-testid": "open-file",
    accept: "audio/*,.wav,.flac,.ogg,.mp3,.png,.mid,.midi",
    onchange: () => {
      const file = input.files?.[0];
      if (file) openFile(app, file);
      input.value = "";
    },
  });
  const button = el("button", { type: "button", class: "button", onclick: () => input.click() }, icon("upload"), label);
  return el("span", {}, button, input);
}

export function openFile(app: App, file: File): void {
  const ending = new AbortController();
  const title = el("h2", {}, file.name);
  const facts = el("p", { class: "note", role: "status" }, "Sending it to the studio …");
  const progress = el("progress", { max: 1, value: 0, "aria-label": "Sent" });
  const problem = el("p", { class: "note bad", role: "alert", "data-testid": "drop-problem" });
  const choices = el("div", { class: "stack" });
  const close = el(
    "button",
    { type: "button", class: "icon-button quiet", "aria-label": "Close", title: "Close", onclick: () => dialog.close() },
    icon("close"),
  );
  const dialog = el(
    "dialog",
    { class: "drop-panel", "aria-label": `What to do with ${file.name}`, "data-testid": "drop-panel" },
    el("div", { class: "row apart" }, title, close),
    facts, progress, problem, choices,
  );
  dialog.addEventListener("close", () => {
    ending.abort();
    dialog.remove();
  });
  onSubmitKey(dialog, () => dialog.querySelector("form")?.requestSubmit());
  document.body.append(dialog);
  dialog.showModal();
  upload(file, (share) => (progress.value = share), ending.signal).then(
    (sent) => {
      progress.hidden = true;
      facts.textContent = factsOf(sent);
      choices.append(asking(app, sent, (text) => (problem.textContent = text), () => dialog.close()));
      choices.querySelector("input")?.focus();
    },
    (error: Error) => {
      progress.hidden = true;
      facts.textContent = "";
      problem.textContent = error.message;
    },
  );
}

function factsOf({ kind, seconds, width, height }: Upload): string {
  if (kind === "midi") return "A score (MIDI)";
  if (kind === "audio") return seconds === null ? "A sound" : `A sound of ${secondsOf(seconds)}`;
  return `An image of ${width} × ${height} pixels`;
}

/** The actions as a list to choose from, and the chosen one's options below. */
function asking(app: App, sent: Upload, say: (problem: string) => void, done: () => void): HTMLElement {
  const actions = actionsFor(sent, app.tasks.get());
  let form: TaskForm | null = null;
  let chosen = actions[0]!;
  const fields = el("div");
  const start = el("button", { class: "button primary", title: "Ctrl+Enter", "data-testid": "drop-start" }, "Start");
  const choose = (action: Action): void => {
    chosen = action;
    say("");
    form = action.task && taskForm(action.task, { shown: SHOWN, skip: [action.input] });
    fields.replaceChildren(...(form ? [form.element] : []));
  };
  const radios = actions.map((action, k) =>
    el(
      "label",
      { class: "choice" },
      el("input", {
        type: "radio", name: "action", checked: k === 0, onchange: () => choose(action),
        "data-testid": `drop-${action.task?.name ?? "open"}-${action.input}`,
      }),
      action.label,
    ),
  );
  choose(chosen);
  return el(
    "form",
    {
      class: "stack",
      onsubmit: (event: Event) => {
        event.preventDefault();
        if (start.disabled) return;
        start.disabled = true;
        app.engine.wake();
        act(app, chosen, sent, form?.values() ?? {}).then(done, (error: Error) => {
          say(form?.wrong(error.message) ? "" : error.message);
          start.disabled = false;
        });
      },
    },
    el("fieldset", {}, el("legend", {}, "What to do with it?"), radios),
    fields, start,
  );
}

async function act(app: App, { task, input }: Action, sent: Upload, values: Words): Promise<void> {
  if (task === null) {
    app.open("notes");
    brought.set(sent);
    return;
  }
  const job = await app.submit(task.name, values, { [input]: `upload:${sent.id}` });
  if (task.name !== "import") {
    app.shownJob.set(job.id);
    app.open("make");
    presentFirst(app, job.id);
    return;
  }
  const over = await app.whenDone(job.id);
  if (!over.clips[0]) throw new Error(over.error ?? "It wasn't opened.");
  app.open("paint", over.clips[0]);
  await presentClip(app, over.clips[0]);
}
