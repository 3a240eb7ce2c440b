// "Compose": notes for a prompt, shown at once and painted on demand.

import type { App } from "../app";
import type { Composed, Words } from "../api";
import { el } from "../dom";
import { ALL_KEYS } from "./keys";

const MOST_SEED = 2 ** 31;

export interface Told {
  readonly composed: Composed;
  /** What was asked for, its seed drawn. */
  readonly request: Words;
}

export function composeForm(app: App, done: (told: Told) => void): HTMLElement {
  const input = (name: string, label: string, attributes: object) => {
    const control = el("input", { name, "data-testid": `compose-${name}`, ...attributes });
    return { control, element: el("label", { class: "field" }, el("span", { class: "label" }, label), control) };
  };
  const prompt = input("prompt", "Music in words", {
    type: "text", required: true, placeholder: "jazz trio, sad", autocomplete: "off",
  });
  prompt.element.classList.add("wide");
  const bars = input("bars", "Bars", { type: "number", min: 1, max: 512, placeholder: "8" });
  const bpm = input("bpm", "Tempo in BPM", { type: "number", min: 20, max: 400, step: "any", placeholder: "the style's" });
  const key = el("select", { name: "key", "data-testid": "compose-key" },
    el("option", { value: "" }, "Any"), ALL_KEYS.map((name) => el("option", { value: name }, name)));
  const seed = input("seed", "Seed", { type: "number", min: 0, placeholder: "a random one" });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const button = el("button", {
    type: "submit", class: "button primary", "data-testid": "compose-go",
  }, "Compose");
  const form = el("form", { class: "fields compose-form" },
    prompt.element, bars.element, bpm.element,
    el("label", { class: "field" }, el("span", { class: "label" }, "Key"), key),
    seed.element, button, wrong);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void compose();
  });

  async function compose(): Promise<void> {
    const drawn = Math.floor(Math.random() * MOST_SEED);
    const request: Words = { prompt: prompt.control.value.trim() };
    for (const { control } of [bars, bpm]) {
      if (control.value) request[control.name] = Number(control.value);
    }
    if (key.value) request.key = key.value;
    request.seed = seed.control.value ? Number(seed.control.value) : drawn;
    wrong.textContent = "";
    button.disabled = true;
    try {
      done({ composed: await app.api.compose(request), request });
    } catch (error) {
      wrong.textContent = (error as Error).message;
    } finally {
      button.disabled = false;
    }
  }
  return form;
}
