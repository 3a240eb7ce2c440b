// Bars and beats above a piano roll that has no spectrogram over it; a press goes to a beat.

import { el } from "../dom";
import type { BeatAxis } from "./axis";
import type { ScoreDoc } from "./doc";

const ROOM = 34;

export function beatRuler(doc: ScoreDoc, axis: BeatAxis, seek: (beat: number) => void): HTMLElement {
  const element = el("div", { class: "beat-ruler", "aria-hidden": "true" });
  const draw = () => {
    const score = doc.score;
    if (!score) return;
    const { n_beats: beats, beats_per_bar: perBar } = score.facts;
    const { scale } = axis.window.get();
    const step = scale >= ROOM ? 1 : perBar * Math.ceil(ROOM / (scale * perBar));
    const marks = [];
    for (let beat = 0; beat < beats; beat += step) {
      const bar = Math.floor(beat / perBar) + 1;
      const of = beat % perBar;
      const mark = el("span", { class: of ? null : "bar" }, of ? `${bar}.${of + 1}` : bar);
      mark.style.left = `${axis.xOf(beat)}px`;
      if (axis.xOf(beat) >= axis.gutter - 1) marks.push(mark);
    }
    element.replaceChildren(...marks);
  };
  element.addEventListener("pointerdown", (event) => {
    const { left } = element.getBoundingClientRect();
    const beat = axis.beatAt(event.clientX - left);
    if (beat >= 0) seek(Math.round(beat * 4) / 4);
  });
  axis.window.on(draw);
  doc.now.on(draw, { now: true });
  return element;
}
