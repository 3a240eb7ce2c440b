// Forms built from a task's description (GET /api/tasks).
//
//   const form = taskForm(task, { shown: ["prompt", "bpm"], skip: ["time"], values: { bars: 4 } });
//   root.append(form.element);
//   form.values()        // only what differs from the server's default
//   form.set({ bpm: 112 });
//   form.onChange(() => …);
//   form.wrong(error.message);   // "bpm=900: …" goes to its field; false: no field is named
//
// `shown` names the fields that stand open, in that order (required ones always do); the others are
// folded into "More options". Fields of type "keyframes" are left out: Story draws them.

import type { Field, Task, Words } from "./api";
import { el } from "./dom";

export interface FormOptions {
  skip?: string[];
  shown?: string[];
  values?: Words;
}

export interface TaskForm {
  element: HTMLElement;
  /** The folded fields' element, to be put elsewhere; it stands at the end of `element`. */
  more: HTMLDetailsElement | null;
  values(): Words;
  set(values: Words): void;
  clear(): void;
  onChange(told: () => void): void;
  wrong(message: string): boolean;
  /** Says so at the first field that is needed and empty. */
  incomplete(): boolean;
  focus(name: string): void;
}

export function taskForm(task: Task, options: FormOptions = {}): TaskForm {
  const skipped = new Set(options.skip ?? []);
  const fields = task.fields.filter((f) => f.type !== "keyframes" && !skipped.has(f.name));
  const shown = options.shown ?? [];
  const open = fields.filter((f) => f.required || shown.includes(f.name));
  open.sort((a, b) => rank(shown, a) - rank(shown, b));
  const folded = fields.filter((f) => !open.includes(f));
  const controls = new Map<string, Control>();
  const add = (field: Field, style: "box" | "line") => {
    const control = controlOf(field, style);
    controls.set(field.name, control);
    return control.element;
  };
  const fromClip = open.some((f) => f.help.includes("Default: the clip's"));
  const hint = el("p", { class: "hint", "aria-hidden": "true" },
    `What stays on auto follows from the ${fromClip ? "clip" : "prompt"}.`);
  const openFields = el("div", { class: "fields" }, open.map((f) => add(f, "box")));
  const more = folded.length
    ? el("details", { class: "more", "data-testid": "more-options" },
        el("summary", {}, "More options"),
        el("div", { class: "lines" }, folded.map((f) => add(f, "line"))))
    : null;
  const element = el("div", { class: "stack" }, openFields, open.length ? hint : null, more);
  const says = (event: Event) => {
    const name = (event.target as HTMLElement).closest<HTMLElement>("[data-field]")?.dataset.field;
    const field = open.find((f) => f.name === name);
    if (field) hint.textContent = `${titleOf(field.name)}: ${helpOf(field)}`;
  };
  openFields.addEventListener("focusin", says);
  openFields.addEventListener("pointerover", says);
  const form: TaskForm = {
    element,
    more,
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
    clear() {
      for (const control of controls.values()) control.set(undefined);
    },
    onChange(told) {
      element.addEventListener("input", told);
    },
    wrong(message) {
      for (const control of controls.values()) control.say("");
      const said = withoutTask(task, message);
      const control = controls.get(/^\w+/.exec(said)?.[0] ?? "");
      if (!control) return false;
      if (more?.contains(control.element)) more.open = true;
      control.say(said);
      control.focus();
      return true;
    },
    incomplete() {
      for (const field of open) {
        const control = controls.get(field.name)!;
        if (!field.required || control.element.hidden || control.value() !== undefined) continue;
        control.say(`This is needed. ${field.help}`);
        control.focus();
        return true;
      }
      return false;
    },
    focus: (name) => controls.get(name)?.focus(),
  };
  form.set(options.values ?? {});
  return form;
}

/** "generate: bpm=900: …" without its task, which is plain here. */
export function withoutTask(task: Task, message: string): string {
  return message.startsWith(`${task.name}: `) ? message.slice(task.name.length + 2) : message;
}

function rank(shown: string[], field: Field): number {
  const at = shown.indexOf(field.name);
  return at < 0 ? shown.length : at;
}

export interface Control {
  element: HTMLElement;
  /** undefined: the server's default. */
  value(): unknown;
  /** undefined or null: back to the default. */
  set(value: unknown): void;
  say(wrong: string): void;
  focus(): void;
}

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** Label, input and help of one field; a "line" has its input at the right. */
export function controlOf(field: Field, style: "box" | "line" = "box"): Control {
  const id = `field-${field.name}-${++made}`;
  const input = inputOf(field, id);
  const wrong = el("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const help = el("span", { class: style === "line" ? "help" : "only-read", id: `${id}-help` }, helpOf(field));
  input.setAttribute("aria-describedby", `${id}-help ${id}-wrong`);
  const element =
    isSwitch(field) && style === "box"
      ? el("div", { class: "field", "data-field": field.name },
          el("label", { class: "switch", for: id }, input, el("span", {}, titleOf(field.name))), help, wrong)
      : el("div", { class: `field${style === "line" ? " line" : ""}${wide(field) ? " wide" : ""}`, "data-field": field.name },
          el("label", { for: id }, titleOf(field.name)), input, help, wrong);
  const say = (text: string) => {
    wrong.textContent = text;
    input.toggleAttribute("aria-invalid", text !== "");
  };
  input.addEventListener("input", () => say(""));
  return {
    element,
    value: () => valueOf(field, input),
    set: (value) => setValue(field, input, value),
    say,
    focus: () => input.focus(),
  };
}

let made = 0;

function inputOf(field: Field, id: string): Input {
  const common = { id, name: field.name, "data-testid": `field-${field.name}`, autocomplete: "off", required: field.required };
  if (isSwitch(field)) {
    return el("input", { ...common, required: null, type: "checkbox", role: "switch", checked: field.default === true });
  }
  if (field.type === "boolean") {
    return el("select", common, el("option", { value: "" }, "auto"),
      el("option", { value: "true" }, "yes"), el("option", { value: "false" }, "no"));
  }
  if (field.type === "choice") {
    const choices = field.choices ?? [];
    const unset = field.default === null ? [el("option", { value: "" }, "auto")] : [];
    return el("select", common, unset,
      choices.map((c) => el("option", { value: c, selected: c === field.default }, c)));
  }
  if (field.type === "strings" || TEXTS.has(field.name)) {
    const rows = field.name === "prompt" ? 3 : 2;
    return el("textarea", { ...common, rows, spellcheck: "false", placeholder: placeholderOf(field) });
  }
  const number = field.type === "integer" || field.type === "number";
  return el("input", {
    ...common, type: number ? "number" : "text", spellcheck: "false",
    inputmode: number ? (field.type === "integer" ? "numeric" : "decimal") : null,
    min: number ? field.least : null, max: number ? field.most : null,
    step: number ? stepOf(field) : null, placeholder: placeholderOf(field),
    list: field.name === "key" ? "keys" : null,
  });
}

/** A yes or no that nothing else decides. */
function isSwitch(field: Field): boolean {
  return field.type === "boolean" && field.default !== null;
}

const TEXTS = new Set(["prompt", "prompts", "first", "last"]);
const WIDE = new Set([...TEXTS, "negative_prompt", "chords"]);

function wide(field: Field): boolean {
  return WIDE.has(field.name) || field.type === "strings";
}

function stepOf(field: Field): string {
  if (field.type === "integer") return "1";
  return field.most !== null && field.most <= 1 ? "0.05" : "any";
}

function placeholderOf(field: Field): string {
  const { default: standard } = field;
  if (EXAMPLES[field.name]) return EXAMPLES[field.name]!;
  if (field.type === "strings") return field.metavar ? `${field.metavar}, one a line` : "one a line";
  if (standard !== null && standard !== "" && typeof standard !== "object") return String(standard);
  return field.metavar ?? (field.required ? "" : "auto");
}

const EXAMPLES: Record<string, string> = {
  prompt: "lo-fi hip hop with Rhodes and a lazy beat",
  prompts: "one prompt a line: rainy lo-fi piano\nbright funk guitar",
  negative_prompt: "what you don't want to hear",
  seed: "random",
  chords: "Am7 | F | C/G | G",
};

function valueOf(field: Field, input: Input): unknown {
  if (input instanceof HTMLInputElement && input.type === "checkbox") {
    return input.checked === (field.default === true) ? undefined : input.checked;
  }
  return parsed(field, input.value);
}

/** What a field's text means; undefined where it is empty or the default. */
export function parsed(field: Field, text: string): unknown {
  const value = text.trim();
  if (value === "") return undefined;
  if (field.type === "strings") {
    const rows = value.split("\n").map((row) => row.trim()).filter(Boolean);
    return rows.length ? rows : undefined;
  }
  if (field.type === "choice") return value === field.default ? undefined : value;
  if (field.type === "boolean") return value === "true";
  if (field.type === "integer" || field.type === "number" || field.type === "number_or_word") {
    const number = Number(value.replace(",", "."));
    // what isn't a number goes to the server as it is: its sentence says what is wanted
    return Number.isFinite(number) ? number : value;
  }
  return value;
}

function setValue(field: Field, input: Input, value: unknown): void {
  const unset = value === undefined || value === null;
  if (input instanceof HTMLInputElement && input.type === "checkbox") {
    input.checked = unset ? field.default === true : value === true;
  } else if (input instanceof HTMLSelectElement) {
    input.value = unset ? String(field.default ?? "") : String(value);
  } else input.value = unset ? "" : Array.isArray(value) ? value.join("\n") : String(value);
}

/** The help with the range that the server takes. */
export function helpOf(field: Field): string {
  const range =
    field.least !== null && field.most !== null && !field.help.includes(String(field.most))
      ? ` ${field.least} to ${field.most}.`
      : "";
  return field.help + range;
}

/** negative_prompt → "Not wanted"; others by their name. */
export function titleOf(name: string): string {
  const words = TITLES[name] ?? name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const TITLES: Record<string, string> = {
  bpm: "Tempo (BPM)",
  first: "from",
  last: "to",
  key: "Key",
  freq: "frequencies (Hz)",
  time: "time (s)",
  loudness: "loudness (LUFS)",
  deep_cache: "deep cache",
  free: "from words alone",
};
