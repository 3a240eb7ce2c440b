// Keys, as riffkit/prompt/key.py reads them, and what brings a clip's key to another.

import { midiName } from "../format";

export interface Key {
  /** Semitones above C. */
  readonly tonic: number;
  readonly mode: string;
}

const MAJOR_KEYS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const MINOR_KEYS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"];
const MINOR_MODES = ["minor", "dorian", "phrygian", "blues"];
const LETTERS: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const MODES: Record<string, string> = {
  "": "major",
  m: "minor",
  maj: "major",
  min: "minor",
  major: "major",
  minor: "minor",
  dorian: "dorian",
  phrygian: "phrygian",
  mixolydian: "mixolydian",
  blues: "blues",
};

const FLATS: Record<string, string> = { "C♯": "D♭", "D♯": "E♭", "F♯": "G♭", "G♯": "A♭", "A♯": "B♭" };
/** F, B♭, E♭, A♭ and D♭ major. */
const FLAT_HOMES = [5, 10, 3, 8, 1];

/** "A minor", "F#m", "Bb"; null for what isn't a key. */
export function parseKey(text: string): Key | null {
  const match = /^([A-Ga-g])([#b♯♭]?)\s*([a-z]*)$/.exec(text.trim());
  if (!match) return null;
  const mode = MODES[match[3]!];
  if (mode === undefined) return null;
  const sign = /[#♯]/.test(match[2]!) ? 1 : /[b♭]/.test(match[2]!) ? -1 : 0;
  return { tonic: modulo(LETTERS[match[1]!.toUpperCase()]! + sign), mode };
}

/** "A minor", the tonic spelled as is usual in the mode. */
export const keyName = ({ tonic, mode }: Key): string => `${tonicName(tonic, mode)} ${mode}`;

/** All 24 keys in fifths from C major and A minor on, as a menu lists them. */
export const ALL_KEYS: readonly string[] = ["major", "minor"].flatMap((mode) =>
  MAJOR_KEYS.map((_, tonic) => keyName({ tonic, mode })),
);

/** A tonic so many semitones higher, as it is spelled in its mode. */
export function transposedKey(name: string, mode: string, semitones: number): string {
  const key = parseKey(name);
  return key ? tonicName(modulo(key.tonic + semitones), mode) : name;
}

/** Semitones, from −6 to 5, that bring one key to another by the nearest way.
 *
 * Keys with the same third come to the same tonic; a major and a minor key to relatives: C major
 * is at home with A minor.
 */
export function semitonesBetween(from: Key, to: Key): number {
  return ((home(to) - home(from) + 18) % 12) - 6;
}

/** The tonic of the major key that has the notes: a minor key's relative. */
function home({ tonic, mode }: Key): number {
  return MINOR_MODES.includes(mode) ? modulo(tonic + 3) : tonic;
}

/** "B♭3" in a key with flats, "A♯3" in others: as `midiName`, and spelled as the key is. */
export function pitchName(pitch: number, key: string | null, mode: string | null): string {
  const name = midiName(pitch);
  return isFlat(key, mode) ? name.replace(/^.♯/, (sharp) => FLATS[sharp]!) : name;
}

/** Whether a key is written with flats. */
export function isFlat(key: string | null, mode: string | null): boolean {
  const tonic = key === null ? null : parseKey(key);
  if (key?.includes("b")) return true;
  return tonic !== null && FLAT_HOMES.includes(home({ tonic: tonic.tonic, mode: mode ?? "major" }));
}

export const isBlackKey = (pitch: number): boolean => [1, 3, 6, 8, 10].includes(pitch % 12);

function tonicName(tonic: number, mode: string): string {
  // The library spells blues as major.
  const names = MINOR_MODES.includes(mode) && mode !== "blues" ? MINOR_KEYS : MAJOR_KEYS;
  return names[tonic]!;
}

const modulo = (value: number): number => ((value % 12) + 12) % 12;
