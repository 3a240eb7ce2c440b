// Words that the model knows, offered below a prompt as it is typed.

import type { App } from "./app";
import { el } from "./dom";

const MOST = 8;
const WAIT_MS = 120;

export function completion(app: App, field: HTMLTextAreaElement): HTMLElement {
  const element = el("div", { class: "words row", "aria-label": "Words the model knows", role: "group" });
  let timer = 0;
  let turn = 0;
  const offer = async () => {
    const mine = ++turn;
    const typed = lastWord(field.value.slice(0, field.selectionStart));
    const known = await app.api.words(typed).catch(() => null);
    if (mine !== turn || !known) return;
    const words = typed
      ? [...known.styles, ...known.instruments, ...known.moods]
      : [...spread(known.styles, 4), ...spread(known.instruments, 2), ...spread(known.moods, 2)];
    const fresh = words.filter((word) => !field.value.toLowerCase().includes(word.toLowerCase()));
    element.replaceChildren(...fresh.slice(0, MOST).map((word) => chip(word, typed)));
  };
  const chip = (word: string, typed: string) =>
    el("button", { type: "button", class: "chip", onclick: () => {
      const at = field.selectionStart;
      const before = field.value.slice(0, at - typed.length);
      const glue = before && !/[\s,]$/.test(before) ? ", " : "";
      field.setRangeText(glue + word, at - typed.length, at, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    } }, word);
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offer, WAIT_MS);
  });
  void offer();
  return element;
}

/** A few of a list, from all over it: neighbors mean the same. */
function spread(words: string[], count: number): string[] {
  return Array.from({ length: count }, (_, i) => words[Math.floor((i * words.length) / count)]).filter((w) => w !== undefined);
}

/** The word that is being typed. */
export function lastWord(text: string): string {
  return /[^\s,;]*$/.exec(text)?.[0] ?? "";
}
