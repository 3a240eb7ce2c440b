// The chosen note as fields, and the notes of its track as a list: all that the piano roll does,
// without seeing it.

import { el } from "../dom";
import type { ScoreDoc } from "./doc";
import { drumName } from "./drums";
import { pitchName } from "./keys";
import type { Note, NoteChange, Score } from "./score";
import { isDrums } from "./score";

const MOST_LISTED = 400;

/** "C4, bar 1, beat 2.5, ½ beat long, loudness 96". */
export function describeNote(score: Score, track: number, [start, duration, pitch, velocity]: Note): string {
  const perBar = score.facts.beats_per_bar;
  const name = nameOf(score, track, pitch);
  const bar = Math.floor(start / perBar) + 1;
  const beats = `${tidy(duration)} ${tidy(duration) === "1" ? "beat" : "beats"}`;
  return `${name}, bar ${bar}, beat ${tidy((start % perBar) + 1)}, ${beats} long, loudness ${velocity}`;
}

function nameOf(score: Score, track: number, pitch: number): string {
  const { key, mode } = score.facts;
  return isDrums(score.tracks[track]!) ? drumName(pitch) : pitchName(pitch, key, mode);
}

const tidy = (value: number): string => String(Number(value.toFixed(2)));

/** Fields of the chosen note. */
export function noteFields(doc: ScoreDoc, sample: (track: number, note: Note) => void): HTMLElement {
  const number = (label: string, name: string, least: number, step: string) => {
    const input = el("input", {
      type: "number", min: least, step, "aria-label": label, "data-testid": `note-${name}`,
    });
    return { input, element: el("label", { class: "field" }, el("span", { class: "label" }, label), input) };
  };
  const pitch = number("Pitch (60 is C4)", "pitch", 0, "1");
  const start = number("Beat from the start", "start", 1, "any");
  const duration = number("Length in beats", "duration", 0, "any");
  const velocity = number("Loudness, 1–127", "velocity", 1, "1");
  const remove = el("button", {
    type: "button", class: "button danger", "data-testid": "note-delete", onclick: () => doc.remove(),
  }, "Delete");
  const name = el("output", { class: "mono", "data-testid": "note-name" });
  const element = el(
    "div", { class: "note-fields row" },
    name, pitch.element, start.element, duration.element, velocity.element, remove,
  );
  const all = [pitch.input, start.input, duration.input, velocity.input];
  const changed = (input: HTMLInputElement, change: (value: number) => NoteChange) =>
    input.addEventListener("change", () => {
      if (input.value === "") return show();
      doc.change(change(Number(input.value)));
      const place = doc.chosen.get();
      if (place && doc.note) sample(place.track, doc.note);
    });
  changed(pitch.input, (value) => ({ pitch: value }));
  changed(start.input, (value) => ({ start: value - 1 }));
  changed(duration.input, (value) => ({ duration: value }));
  changed(velocity.input, (value) => ({ velocity: value }));
  const show = () => {
    const place = doc.chosen.get();
    const note = doc.note;
    element.classList.toggle("none", !note);
    for (const control of [...all, remove]) control.disabled = !note;
    if (!note || !place) {
      name.textContent = "No note chosen";
      for (const input of all) input.value = "";
      return;
    }
    name.textContent = nameOf(doc.score!, place.track, note[2]);
    const values = [note[2], Number((note[0] + 1).toFixed(3)), Number(note[1].toFixed(3)), note[3]];
    all.forEach((input, k) => (input.value = String(values[k])));
  };
  doc.chosen.on(show, { now: true });
  return element;
}

/** The notes of the track that is written to, as a list to choose from. */
export function noteList(doc: ScoreDoc): HTMLElement {
  const list = el("select", {
    size: 8, "aria-label": "Notes of the track", "data-testid": "note-list", class: "note-list",
  });
  const more = el("p", { class: "muted small" });
  const element = el(
    "details", { class: "note-details" },
    el("summary", {}, "Notes of the track as a list"), list, more,
  );
  const fill = () => {
    if (!element.open) return;
    const score = doc.score;
    const track = doc.track.get();
    const notes = score?.tracks[track]?.notes ?? [];
    list.replaceChildren(...notes.slice(0, MOST_LISTED).map((note, k) =>
      el("option", { value: k }, describeNote(score!, track, note))));
    more.textContent =
      notes.length > MOST_LISTED ? `The first ${MOST_LISTED} of ${notes.length} notes.` : "";
    choose();
  };
  const choose = () => {
    const place = doc.chosen.get();
    const value = place?.track === doc.track.get() ? String(place.note) : "";
    if (list.value !== value) list.value = value;
  };
  list.addEventListener("change", () =>
    doc.chosen.set({ track: doc.track.get(), note: Number(list.value) }));
  list.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") doc.remove();
  });
  element.addEventListener("toggle", fill);
  doc.now.on(fill);
  doc.track.on(fill);
  doc.chosen.on(choose);
  return element;
}
