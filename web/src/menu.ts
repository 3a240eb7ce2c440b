// A button that opens a short list of actions. Arrows move in it, Escape closes it.

import { el, icon, type IconName } from "./dom";

export type Item =
  | { label: string; run: () => void; testid?: string; danger?: boolean }
  | { label: string; href: string; testid?: string }
  | "line";

export interface MenuOptions {
  label: string;
  icon?: IconName;
  /** Text on the button; without it the icon alone, named by `label`. */
  text?: string;
  items: () => Item[];
  small?: boolean;
  testid?: string;
}

export function menu(options: MenuOptions): HTMLElement {
  const list = el("div", { class: "menu-list", role: "menu", "aria-label": options.label, hidden: true });
  const size = options.small ? " small" : "";
  const button = el(
    "button",
    { type: "button", class: options.text ? `button${size}` : `icon-button quiet${size}`,
      "aria-label": options.text ? null : options.label, title: options.text ? null : options.label,
      "aria-haspopup": "menu", "aria-expanded": "false", "data-testid": options.testid ?? null,
      onclick: () => (list.hidden ? open() : close()) },
    options.icon ? icon(options.icon) : null, options.text ?? null,
  );
  const element = el("div", { class: "menu" }, button, list);
  const outside = (event: Event) => {
    if (!element.contains(event.target as Node)) close();
  };
  const open = () => {
    list.replaceChildren(...options.items().map((item) => entry(item, close)));
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    place();
    (list.querySelector("[role=menuitem]") as HTMLElement | null)?.focus();
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
  };
  const close = () => {
    const back = list.contains(document.activeElement);
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    document.removeEventListener("focusin", outside);
    if (back) button.focus();
  };
  // below the button where there is room, else above; never past the window's edges
  const place = () => {
    const at = button.getBoundingClientRect();
    const box = list.getBoundingClientRect();
    const below = at.bottom + 4 + box.height <= innerHeight;
    list.style.top = `${Math.max(4, below ? at.bottom + 4 : at.top - 4 - box.height)}px`;
    list.style.left = `${Math.max(4, Math.min(at.left, innerWidth - box.width - 4))}px`;
  };
  element.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const items = [...list.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") close();
    else if (to !== undefined) items[(to + items.length) % items.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

function entry(item: Item, close: () => void): HTMLElement {
  if (item === "line") return el("div", { class: "menu-line", role: "separator" });
  const common = { role: "menuitem", tabindex: -1, "data-testid": item.testid ?? null };
  if ("href" in item) {
    return el("a", { ...common, href: item.href, download: "", onclick: close }, item.label);
  }
  const run = () => {
    close();
    item.run();
  };
  return el("button", { ...common, type: "button", class: item.danger ? "danger" : null, onclick: run }, item.label);
}
