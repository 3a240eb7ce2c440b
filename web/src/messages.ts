// Messages at the edge of the page, read out by screen readers.

import type { Kind } from "./app";
import { el, icon } from "./dom";

const STAY = { info: 6000, done: 4000, error: 12000 };
const MOST = 3;

export interface Messages {
  element: HTMLElement;
  say(text: string, kind?: Kind, action?: { label: string; run(): void }): void;
  /** Takes a message away that is no longer true. */
  forget(text: string): void;
}

export function makeMessages(): Messages {
  // two regions that exist from the beginning: a screen reader hears what is put into them
  const polite = el("div", { role: "status", "aria-live": "polite" });
  const alert = el("div", { role: "alert", "aria-live": "assertive" });
  const forget = (text: string) => {
    for (const message of element.querySelectorAll(".message")) {
      if (message.firstChild?.textContent === text) message.remove();
    }
  };
  const element = el("div", { class: "messages" }, alert, polite);
  return {
    element,
    forget,
    say(text, kind = "info", action) {
      const region = kind === "error" ? alert : polite;
      forget(text);
      // the newest of a kind, beside those that can be undone
      for (const old of region.querySelectorAll(`.message.${kind}:not(.acts)`)) old.remove();
      const gone = () => message.remove();
      const message = el(
        "div", { class: `message ${kind}${action ? " acts" : ""}`, "data-testid": "message" },
        el("span", {}, text),
        action
          ? el("button", { type: "button", class: "button small", onclick: () => { gone(); action.run(); } }, action.label)
          : null,
        el("button", { type: "button", class: "icon-button quiet small", "aria-label": "Close message", onclick: gone }, icon("close")),
      );
      region.append(message);
      while (region.children.length > MOST) region.firstChild?.remove();
      let timer = setTimeout(gone, STAY[kind]);
      // as long as someone reads it, it stays
      for (const name of ["pointerenter", "focusin"]) message.addEventListener(name, () => clearTimeout(timer));
      for (const name of ["pointerleave", "focusout"]) {
        message.addEventListener(name, () => {
          clearTimeout(timer);
          timer = setTimeout(gone, STAY[kind]);
        });
      }
    },
  };
}
