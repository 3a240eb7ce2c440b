// The tracks of a score: which one is written to, and which are heard.

import { el } from "../dom";
import type { ScoreDoc } from "./doc";
import type { NotesPlayer } from "./player";

const N_COLORS = 8;

export function trackRow(doc: ScoreDoc, player: NotesPlayer, changed: () => void): HTMLElement {
  const element = el("div", { class: "track-row", role: "group", "aria-label": "Tracks" });
  let shown = "";
  const fill = () => {
    const score = doc.score;
    if (!score) return element.replaceChildren();
    const names = score.tracks.map((track) => track.name || track.instrument);
    const now = JSON.stringify([names, doc.track.get(), [...player.mute], [...player.solo]]);
    if (now === shown) return;
    shown = now;
    const focus = (document.activeElement as HTMLElement | null)?.dataset.testid;
    element.replaceChildren(...names.map((name, k) => {
      const toggle = (what: "mute" | "solo", letter: string) =>
        el("button", {
          type: "button", class: "track-toggle", "aria-pressed": String(player[what].has(k)),
          "aria-label": `${what === "mute" ? "Mute" : "Solo"} ${name}`,
          title: what === "mute" ? "Mute" : "Solo",
          "data-testid": `track-${k + 1}-${what}`,
          onclick: () => {
            if (!player[what].delete(k)) player[what].add(k);
            player.regain();
            changed();
            fill();
          },
        }, letter);
      return el("div", { class: "track-chip" },
        el("button", {
          type: "button", class: "track-name", "aria-pressed": String(doc.track.get() === k),
          title: `Write to ${name}`, "data-testid": `track-${k + 1}`,
          onclick: () => {
            doc.chosen.set(null);
            doc.track.set(k);
          },
        }, el("span", { class: `swatch track-color-${(k % N_COLORS) + 1}`, "aria-hidden": "true" }), name),
        toggle("mute", "M"), toggle("solo", "S"));
    }));
    if (focus) element.querySelector<HTMLElement>(`[data-testid="${focus}"]`)?.focus();
  };
  doc.now.on(fill, { now: true });
  doc.track.on(fill);
  return element;
}
