// What Paint shows while no clip is chosen.

import type { App } from "../app";
import { el } from "../dom";
import { openButton } from "../drop/panel";

export function invitation(app: App): HTMLElement {
  return el(
    "div",
    { class: "panel stack" },
    el("h2", {}, "No clip is chosen"),
    el("p", {}, "Make one, choose one from the library, or drop a sound on the page."),
    el(
      "div",
      { class: "row" },
      el("a", { class: "button", href: "#make" }, "Make a clip"),
      el("a", { class: "button", href: "#library" }, "Open the library"),
      openButton(app),
    ),
  );
}
