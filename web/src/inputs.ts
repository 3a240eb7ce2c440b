// What a task works on: a clip, an uploaded file, a bundled seed, or words instead.
//
//   const input = inputControl(app, task.inputs[0]);
//   root.append(input.element);
//   input.value()          // "clip:ID", "upload:ID", a seed's name, or null
//   input.set("clip:" + id);
//   input.onChange(() => …);
//   await input.take(file);   // uploads it and chooses it

import type { App } from "./app";
import type { TaskInput } from "./api";
import { el } from "./dom";
import { factsOf } from "./format";
import { titleOf } from "./fields";

const UPLOAD = "+";
const MOST_CLIPS = 30;
const ACCEPTED = { audio: "audio/*,.wav,.flac,.ogg,.mp3", image: "image/*", midi: ".mid,.midi,audio/midi" };

export interface InputControl {
  element: HTMLElement;
  value(): string | null;
  set(reference: string | null): void;
  onChange(told: () => void): void;
  take(file: File): Promise<void>;
}

export function inputControl(app: App, input: TaskInput): InputControl {
  const id = `input-${input.name}-${++made}`;
  const uploads = new Map<string, string>();
  let chosen: string | null = null;
  let told = () => {};
  const select = el("select", { id, "data-testid": `input-${input.name}`, "aria-describedby": `${id}-help` });
  const file = el("input", { type: "file", hidden: true, accept: input.kinds.map((k) => ACCEPTED[k]).join(","), "data-testid": `file-${input.name}` });
  const state = el("p", { class: "note", role: "status" });
  const element = el(
    "div", { class: "field wide", "data-input": input.name },
    el("label", { for: id }, titleOf(input.name)), select, file, state,
    el("span", { class: "only-read", id: `${id}-help` }, input.help),
  );
  element.title = input.help;

  const fill = () => {
    const takesClips = input.kinds.some((kind) => kind !== "midi");
    const clips = takesClips ? app.clips.get().slice(0, MOST_CLIPS) : [];
    const now = takesClips ? app.selected.get() : null;
    const none = input.or_prompt ? "Words" : input.required ? "Choose…" : "None";
    const others = clips.filter((c) => c.id !== now?.id);
    select.replaceChildren(
      el("option", { value: "" }, none),
      ...(now ? [el("option", { value: `clip:${now.id}` }, `The chosen clip: ${now.title}`)] : []),
      ...[...uploads].map(([reference, name]) => el("option", { value: reference }, name)),
      el("option", { value: UPLOAD }, "Upload a file…"),
      ...(input.names.length ? [el("optgroup", { label: "Seeds that come with riffkit" }, input.names.map((n) => el("option", { value: n }, n)))] : []),
      ...(others.length ? [el("optgroup", { label: "Clips" }, others.map((c) => el("option", { value: `clip:${c.id}` }, `${c.title} – ${factsOf(c)}`)))] : []),
    );
    if (chosen?.startsWith("clip:") && ![...select.options].some((o) => o.value === chosen)) {
      select.append(el("option", { value: chosen }, "A clip of the library"));
    }
    select.value = chosen ?? "";
  };
  const set = (reference: string | null) => {
    chosen = reference;
    fill();
    told();
  };
  const take = async (given: File) => {
    state.textContent = `Sending ${given.name}…`;
    state.classList.remove("bad");
    try {
      const upload = await app.api.upload(given, given.name);
      uploads.set(`upload:${upload.id}`, given.name);
      state.textContent = "";
      set(`upload:${upload.id}`);
    } catch (error) {
      state.textContent = (error as Error).message;
      state.classList.add("bad");
    }
  };
  select.addEventListener("change", () => {
    if (select.value !== UPLOAD) return set(select.value || null);
    select.value = chosen ?? "";
    file.click();
  });
  file.addEventListener("change", () => {
    const given = file.files?.[0];
    file.value = "";
    if (given) void take(given);
  });
  app.clips.on(fill);
  app.selected.on((clip) => {
    // a required input follows the chosen clip until something else is picked
    if (input.required && clip && (chosen === null || chosen.startsWith("clip:"))) set(`clip:${clip.id}`);
    else fill();
  });
  const first = app.selected.get();
  set(input.required && !input.or_prompt && first ? `clip:${first.id}` : null);
  return { element, value: () => chosen, set, take, onChange: (run) => void (told = run) };
}

let made = 0;
