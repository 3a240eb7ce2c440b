// Making elements: `el("button", { class: "primary", onclick: run }, "Make")`.
//
// Attributes are set as attributes, `on…` as listeners, booleans as present or absent. Text is
// always text, never HTML. There is no `style` (the page's CSP forbids style attributes): use
// classes, or `element.style` from code.

type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, unknown>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter(present));
  return element;
}

function present(child: Child): child is Node | string {
  return child !== null && child !== undefined && child !== false;
}

const SVG = "http://www.w3.org/2000/svg";

/** A 16×16 icon of one path; decorative, so the button needs a label of its own. */
export function icon(name: keyof typeof PATHS): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

// Stroked lines of 1.5; `.icon.solid` fills them.
const PATHS = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 3h2.5v10H4zM9.5 3H12v10H9.5z",
  stop: "M3.5 3.5h9v9h-9z",
  loop: "M3 8a4 4 0 0 1 4-4h6M10.5 1.5 13 4l-2.5 2.5M13 8a4 4 0 0 1-4 4H3M5.5 14.5 3 12l2.5-2.5",
  volume: "M2.5 6v4h2.5l3.5 3V3L5 6zM11 5.5a3.5 3.5 0 0 1 0 5M13 3.5a6.3 6.3 0 0 1 0 9",
  keep: "M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4l-3.7 2.1.8-4.2L2 6.4l4.2-.5z",
  vary: "M2 4h3l6 8h3M2 12h3l1.8-2.4M9.2 6.4 11 4h3M12 2l2 2-2 2M12 10l2 2-2 2",
  discard: "M3 4.5h10M6 4.5V2.5h4v2M4.5 4.5l.7 9h5.6l.7-9",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2 5V2h3M11 2h3v3M14 11v3h-3M5 14H2v-3",
  download: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  undo: "M3 6h6.5a3.5 3.5 0 0 1 0 7H6M6 3 3 6l3 3",
  redo: "M13 6H6.5a3.5 3.5 0 0 0 0 7H10M10 3l3 3-3 3",
  more: "M3 8a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M7.4 8a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M11.8 8a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5l3.5 3.5",
  again: "M13 8a5 5 0 1 1-1.5-3.5L13 6M13 2.5V6H9.5",
  solo: "M8 2.5a5.5 5.5 0 0 0-5.5 5.5v4h2.5V8.5H2.5M13.5 8v4H11V8.5h2.5A5.5 5.5 0 0 0 8 2.5",
  rectangle: "M2.5 4h11v8h-11z",
  time: "M4.5 2v12M11.5 2v12M4.5 8h7M6 6.5 4.5 8 6 9.5M10 6.5 11.5 8 10 9.5",
  band: "M2 4.5h12M2 11.5h12M8 4.5v7M6.5 6 8 4.5 9.5 6M6.5 10 8 11.5 9.5 10",
  brush: "M13.5 2.5 7 9M7 9l-1.6-.3a2.2 2.2 0 0 0-2.6 2.1c0 1-.4 1.9-1 2.6 2.4.4 5.6.1 5.9-2.6z",
  eraser: "M6 13.5 2.5 10l7-7L14 7.5l-6 6zM6 6.5 10.5 11M6 13.5h8",
  seek: "M4 2.5 12.5 8 8.7 8.9 7 12.8z",
  invert: "M8 2.5a5.5 5.5 0 0 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11M10 5l2 1M10 8h3M10 11l2-1",
  eye: "M1.5 8C3 5.3 5.3 4 8 4s5 1.3 6.5 4C13 10.7 10.7 12 8 12s-5-1.3-6.5-4zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  upload: "M8 10.5v-8M4.5 5.5 8 2l3.5 3.5M2.5 13.5h11",
} as const;

export type IconName = keyof typeof PATHS;
