// The score that is being edited: its notes and chords, what is chosen, undo and redo.

import { chordRows, transposedSymbol } from "./chords";
import { History } from "../history";
import { isFlat } from "./keys";
import * as edits from "./score";
import type { Note, NoteChange, Place, Score } from "./score";
import { signal } from "../state";

export interface Written {
  readonly score: Score;
  /** Chord symbols by bar, as they are shown and edited. */
  readonly bars: readonly string[];
}

export class ScoreDoc {
  readonly now = signal<Written | null>(null);
  readonly chosen = signal<Place | null>(null);
  /** The track that is written to. */
  readonly track = signal(0);
  /** Whether it differs from what was loaded. */
  readonly edited = signal(false);
  private history = new History();
  private base: Written | null = null;
  private loaded: Written | null = null;
  /** What was last written in place of the notes. */
  private rewritten: Written | null = null;

  constructor() {
    this.now.on((now) => this.edited.set(now !== this.loaded));
    this.chosen.on((place) => {
      if (place) this.track.set(place.track);
    });
  }

  get score(): Score | null {
    return this.now.get()?.score ?? null;
  }

  get note(): Note | null {
    const place = this.chosen.get();
    return (place && this.score && edits.noteAt(this.score, place)) ?? null;
  }

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  /** Takes the score as it is now for the one that is played. */
  show(written: Written | null): void {
    this.history = new History();
    this.base = null;
    this.loaded = written;
    this.chosen.set(null);
    this.track.set(0);
    this.now.set(written);
    this.edited.set(false);
  }

  /** A drag: what `set` shows until `commit` is one step of undo. */
  begin(): void {
    this.base = this.now.get();
  }

  set(score: Score, place: Place | null = null): void {
    const now = this.now.get();
    if (!now) return;
    this.chosen.set(null);
    this.now.set({ ...now, score });
    this.chosen.set(place);
  }

  commit(): void {
    const [before, after] = [this.base, this.now.get()];
    this.base = null;
    if (!before || !after || before === after) return;
    const back = (written: Written) => () => {
      this.chosen.set(null);
      this.now.set(written);
    };
    // Versions share all tracks but one.
    const bytes = 40 * Math.max(1, ...after.score.tracks.map((track) => track.notes.length));
    this.history.record({ bytes, undo: back(before), redo: back(after) });
    this.now.set({ ...after });
  }

  undo(): void {
    this.history.undo();
  }

  redo(): void {
    this.history.redo();
  }

  add(note: Note): void {
    this.edit((score) => edits.addNote(score, this.track.get(), note));
  }

  change(change: NoteChange): void {
    const place = this.chosen.get();
    if (place) this.edit((score) => edits.changeNote(score, place, change));
  }

  remove(): void {
    const place = this.chosen.get();
    if (place) this.edit((score) => [edits.removeNote(score, place), null]);
  }

  transpose(semitones: number): void {
    const now = this.now.get();
    if (!now) return;
    const score = edits.transposed(now.score, semitones);
    const flats = isFlat(score.facts.key, score.facts.mode);
    const symbols = (bar: string) =>
      bar.split(" ").map((word) => transposedSymbol(word, semitones, flats)).join(" ");
    this.replace({ score, bars: now.bars.map(symbols) });
  }

  /** Other chords; throws an Error with a sentence where they can't be read. */
  setBars(bars: readonly string[]): void {
    const now = this.now.get();
    if (!now || bars.join("|") === now.bars.join("|")) return;
    const rows = chordRows(bars, now.score.facts.beats_per_bar);
    this.replace({ score: edits.withChords(now.score, rows), bars });
  }

  /** A whole other score, as one step of undo. */
  replace(written: Written): void {
    this.begin();
    this.chosen.set(null);
    this.now.set(written);
    if (this.track.get() >= written.score.tracks.length) this.track.set(0);
    this.commit();
  }

  /**
   * A whole other score. Where notes were changed by hand before it, what brings those back, as
   * long as the same score is open; else null.
   */
  rewrite(written: Written): (() => void) | null {
    const { loaded } = this;
    const before = this.now.get();
    const isOwn = before && ![loaded, this.rewritten].some((one) => one?.score.tracks === before.score.tracks);
    this.rewritten = written;
    this.replace(written);
    return isOwn ? () => void (this.loaded === loaded && this.replace(before)) : null;
  }

  private edit(change: (score: Score) => [Score, Place | null]): void {
    if (!this.score) return;
    this.begin();
    this.set(...change(this.score));
    this.commit();
  }
}
