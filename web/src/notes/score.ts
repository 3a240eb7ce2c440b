// A score as the library writes it to JSON (`Score.to_dict`), and what a musician does to it.
//
// Times are beats. Each function returns a new score, which `Score.from_dict` accepts.

import { sectionOf } from "./drums";
import { transposedKey } from "./keys";

export type Note = readonly [start: number, duration: number, pitch: number, velocity: number];
export type ChordRow = readonly [
  numeral: string,
  root: number,
  intervals: readonly number[],
  start: number,
  duration: number,
  bass: number | null,
];
export type SectionRow = readonly [name: string, start: number, nBeats: number];

export interface Track {
  readonly instrument: string;
  readonly role: string;
  readonly bank: number;
  readonly program: number;
  readonly level_db: number;
  readonly pan: number;
  readonly send: number;
  readonly name: string;
  readonly notes: readonly Note[];
}

export interface ScoreFacts {
  readonly key: string | null;
  readonly mode: string | null;
  readonly bpm: number;
  readonly beats_per_bar: number;
  readonly n_beats: number;
  readonly [other: string]: unknown;
}

export interface Score {
  readonly facts: ScoreFacts;
  readonly tracks: readonly Track[];
  readonly chords: readonly ChordRow[];
  readonly mix: unknown;
  readonly sections: readonly SectionRow[];
}

/** Which note: the number of its track, and its own within it. */
export interface Place {
  readonly track: number;
  readonly note: number;
}

export interface NoteChange {
  readonly start?: number;
  readonly duration?: number;
  readonly pitch?: number;
  readonly velocity?: number;
}

/** The shortest note, in beats: a 128th. */
export const SHORTEST = 1 / 32;
const DRUM_LEVEL_DB = -20;

export const isDrums = (track: Track): boolean => track.role === "drums";

export const noteAt = (score: Score, place: Place): Note | undefined =>
  score.tracks[place.track]?.notes[place.note];

export const countNotes = (score: Score): number =>
  score.tracks.reduce((sum, track) => sum + track.notes.length, 0);

export const hasNotes = (score: Score | null): boolean => score !== null && countNotes(score) > 0;

/** A note that lies within the score and MIDI's numbers. */
export function soundNote(score: Score, [start, duration, pitch, velocity]: Note): Note {
  const length = score.facts.n_beats;
  return [
    clamp(start, 0, length - SHORTEST),
    clamp(duration, SHORTEST, length),
    Math.round(clamp(pitch, 0, 127)),
    Math.round(clamp(velocity, 1, 127)),
  ];
}

/** Adds a note to a track; of drums, to the track of the part of the kit that its pitch is. */
export function addNote(score: Score, track: number, note: Note): [Score, Place] {
  const sound = soundNote(score, note);
  const [whole, number] = withTrackFor(score, track, sound[2]);
  const notes = [...whole.tracks[number]!.notes, sound].sort(byStart);
  return [withNotes(whole, number, notes), { track: number, note: notes.indexOf(sound) }];
}

/** Moves, resizes or restrikes a note; says where it is then. */
export function changeNote(score: Score, place: Place, change: NoteChange): [Score, Place] {
  const note = noteAt(score, place);
  if (!note) return [score, place];
  const [start, duration, pitch, velocity] = note;
  const changed: Note = [
    change.start ?? start,
    change.duration ?? duration,
    change.pitch ?? pitch,
    change.velocity ?? velocity,
  ];
  return addNote(removeNote(score, place), place.track, changed);
}

export function removeNote(score: Score, { track, note }: Place): Score {
  const notes = score.tracks[track]?.notes ?? [];
  return withNotes(score, track, notes.filter((_, k) => k !== note));
}

/** All pitched tracks, the chords and the key so many semitones higher.
 *
 * A note that would leave MIDI's range goes to the octave next to it.
 */
export function transposed(score: Score, semitones: number): Score {
  const turn = (pitchClass: number) => (((pitchClass + semitones) % 12) + 12) % 12;
  const { key, mode } = score.facts;
  return {
    ...score,
    facts: { ...score.facts, key: key === null ? null : transposedKey(key, mode ?? "", semitones) },
    tracks: score.tracks.map((track) =>
      isDrums(track)
        ? track
        : { ...track, notes: track.notes.map(([s, d, p, v]): Note => [s, d, folded(p + semitones), v]) },
    ),
    chords: score.chords.map(([numeral, root, intervals, start, duration, bass]): ChordRow => [
      numeral, turn(root), intervals, start, duration, bass === null ? null : turn(bass),
    ]),
  };
}

function folded(pitch: number): number {
  if (pitch > 127) return folded(pitch - 12);
  return pitch < 0 ? folded(pitch + 12) : pitch;
}

/** The score over other chords; its notes stay. */
export const withChords = (score: Score, chords: readonly ChordRow[]): Score => ({
  ...score,
  chords,
});

/** The track that plays a pitch, which a kit may not have yet. */
function withTrackFor(score: Score, track: number, pitch: number): [Score, number] {
  const own = score.tracks[track]!;
  if (!isDrums(own)) return [score, track];
  const section = sectionOf(pitch);
  const has = (other: Track) =>
    isDrums(other) &&
    (other.instrument === section || other.notes.some((note) => sectionOf(note[2]) === section));
  if (has(own)) return [score, track];
  const other = score.tracks.findIndex(has);
  if (other >= 0) return [score, other];
  const added = { ...own, instrument: section, name: "", level_db: DRUM_LEVEL_DB, notes: [] };
  return [{ ...score, tracks: [...score.tracks, added] }, score.tracks.length];
}

function withNotes(score: Score, track: number, notes: readonly Note[]): Score {
  return {
    ...score,
    tracks: score.tracks.map((other, k) => (k === track ? { ...other, notes } : other)),
  };
}

const byStart = (one: Note, other: Note): number => one[0] - other[0] || one[2] - other[2];

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(Number.isFinite(value) ? value : least, least), most);
}
