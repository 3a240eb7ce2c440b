// Chords by bar, above the roll and on its time axis, with the sections over them.

import { el } from "../dom";
import type { BeatAxis } from "./axis";
import { barsOf, lineOf } from "./chords";
import type { ScoreDoc } from "./doc";

/** Below so many pixels a bar, chords are one line of text. */
const NARROWEST_BAR = 46;

/** A bar's chords at a glance, without the beats that hold them: "Ebm / / Db" is "Ebm Db". */
const shortened = (text: string): string =>
  text.split(/\s+/).filter((word, k) => k === 0 || word !== "/").join(" ");

export function chordLane(
  doc: ScoreDoc, axis: BeatAxis, wrong: (sentence: string) => void,
): HTMLElement {
  const sections = el("div", { class: "section-lane" });
  const lane = el("div", { class: "chord-lane", role: "group", "aria-label": "Chords by bar" });
  const line = el("input", {
    type: "text", "aria-label": "Chords, a bar between bars", "data-testid": "chord-line",
    spellcheck: "false", autocomplete: "off",
  });
  const lineRow = el("label", { class: "chord-line" }, el("span", { class: "label" }, "Chords"), line);
  const element = el("div", { class: "chords" }, sections, lane, lineRow);
  let inputs: HTMLInputElement[] = [];

  const take = (bars: string[], input: HTMLInputElement) => {
    try {
      doc.setBars(bars);
      input.removeAttribute("aria-invalid");
      wrong("");
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      wrong((error as Error).message);
    }
  };
  const fill = () => {
    const now = doc.now.get();
    element.hidden = !now || now.bars.length === 0;
    if (!now) return;
    if (document.activeElement !== line) line.value = lineOf(now.bars);
    if (inputs.length !== now.bars.length) {
      inputs = now.bars.map((_, bar) => {
        const input: HTMLInputElement = el("input", {
          type: "text", "aria-label": `Chords of bar ${bar + 1}`, "data-testid": `chord-${bar + 1}`,
          spellcheck: "false", autocomplete: "off",
        });
        input.addEventListener("change", () =>
          take(doc.now.get()!.bars.with(bar, input.value.trim()), input));
        input.addEventListener("focus", () => {
          if (input.hasAttribute("aria-invalid")) return;
          input.value = doc.now.get()?.bars[bar] ?? "";
          input.select();
        });
        input.addEventListener("blur", () => {
          if (!input.hasAttribute("aria-invalid")) input.value = shortened(input.value);
        });
        return input;
      });
      lane.replaceChildren(...inputs);
    }
    now.bars.forEach((text, bar) => {
      inputs[bar]!.value = document.activeElement === inputs[bar] ? text : shortened(text);
      inputs[bar]!.title = text;
      inputs[bar]!.removeAttribute("aria-invalid");
    });
    line.removeAttribute("aria-invalid");
    sections.replaceChildren(...now.score.sections.map(([name]) => el("span", {}, name)));
    sections.hidden = now.score.sections.length < 2;
    place();
  };
  const place = () => {
    const now = doc.now.get();
    if (!now) return;
    const perBar = now.score.facts.beats_per_bar;
    const { scale } = axis.window.get();
    const narrow = perBar * scale < NARROWEST_BAR;
    lane.hidden = narrow;
    lineRow.hidden = !narrow;
    inputs.forEach((input, bar) => {
      input.style.left = `${axis.xOf(bar * perBar)}px`;
      input.style.width = `${perBar * scale - 3}px`;
    });
    [...sections.children].forEach((name, k) => {
      const [, start, nBeats] = now.score.sections[k]!;
      const { style } = name as HTMLElement;
      style.left = `${axis.xOf(start)}px`;
      style.width = `${nBeats * scale - 3}px`;
    });
  };
  line.addEventListener("change", () => take(barsOf(line.value), line));
  doc.now.on(fill, { now: true });
  axis.window.on(place);
  return element;
}
