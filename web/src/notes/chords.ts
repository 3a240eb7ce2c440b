// Chord symbols by bar, as riffkit/score/chords.py shares them among beats.

import type { ChordRow } from "./score";

export interface PlacedChord {
  readonly symbol: string;
  /** Beats from the beginning of the score. */
  readonly start: number;
  readonly duration: number;
}

const LETTERS: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const HOLDS = ["/", ".", "%"];

/** The text of each bar of a chord line; a repeated bar ("%") is written out. */
export function barsOf(line: string): string[] {
  const bars: string[] = [];
  for (const cell of line.split("|").map((text) => text.trim())) {
    if (cell === "") continue;
    bars.push(cell === "%" && bars.length ? bars[bars.length - 1]! : cell);
  }
  return bars;
}

export const lineOf = (bars: readonly string[]): string => bars.join(" | ");

/** Where each chord sounds. A sentence, thrown as an Error, where a bar can't be read. */
export function placed(bars: readonly string[], beatsPerBar: number): PlacedChord[] {
  const chords: PlacedChord[] = [];
  bars.forEach((text, bar) => {
    const symbols = text.split(/[\s,]+/).filter(Boolean);
    if (symbols.length === 0) throw new Error(`Bar ${bar + 1} has no chord; write N.C. for none.`);
    const steps = [1, 2, 4].find((step) => symbols.length <= step * beatsPerBar);
    if (!steps) throw new Error(`Bar ${bar + 1} has too many chords: ${4 * beatsPerBar} at most.`);
    const at = (k: number) => Math.ceil((k * beatsPerBar * steps) / symbols.length) / steps;
    let own = false;
    symbols.forEach((symbol, k) => {
      const start = bar * beatsPerBar + at(k);
      const duration = at(k + 1) - at(k);
      const before = chords[chords.length - 1];
      if (!HOLDS.includes(symbol)) {
        chords.push({ symbol, start, duration });
        own = true;
      } else if (!before) {
        throw new Error("The first bar begins with a chord, such as Am7.");
      } else if (own && symbol !== "%") {
        chords[chords.length - 1] = { ...before, duration: before.duration + duration };
      } else {
        chords.push({ symbol: before.symbol, start, duration });
        own = true;
      }
    });
  });
  return chords;
}

/** The score's rows for such bars, each as `parse_chord` reads its symbol. */
export function chordRows(bars: readonly string[], beatsPerBar: number): ChordRow[] {
  return placed(bars, beatsPerBar).map(({ symbol, start, duration }): ChordRow => {
    const chord = parseChord(symbol);
    if (!chord) throw new Error(`“${symbol}” isn't a chord; write one such as Am7, F or C/G.`);
    return ["", chord.root, chord.intervals, start, duration, chord.bass];
  });
}

export interface ParsedChord {
  readonly root: number;
  readonly intervals: readonly number[];
  readonly bass: number | null;
}

/** One symbol, by the grammar of riffkit/score/chord_symbols.py; null if it isn't known. */
export function parseChord(symbol: string): ParsedChord | null {
  if (/^\(?n\.?c\.?\)?$/i.test(symbol)) return { root: 0, intervals: [], bass: null };
  const plain = symbol.replace(/♯/g, "#").replace(/♭/g, "b").replace(/−/g, "-");
  const match = /^([A-Ga-g])(##|bb|[#b]?)(.*?)(?:\/([A-Ga-g])(##|bb|[#b]?))?$/.exec(plain);
  const intervals = match && intervalsOf(match[3]!);
  if (!match || !intervals) return null;
  const root = pitchClass(match[1]!, match[2]!);
  const bass = match[4] === undefined ? null : pitchClass(match[4], match[5] ?? "");
  return { root, intervals, bass: bass === root ? null : bass };
}

/** A symbol so many semitones higher, its quality as it was written. */
export function transposedSymbol(symbol: string, semitones: number, flats: boolean): string {
  const match = /^([A-Ga-g])(##|bb|[#b]?)(.*?)(?:\/([A-Ga-g])(##|bb|[#b]?))?$/.exec(symbol);
  if (!match) return symbol;
  const names = flats ? FLATS : SHARPS;
  const name = (letter: string, sign: string) =>
    names[(((pitchClass(letter, sign) + semitones) % 12) + 12) % 12]!;
  const bass = match[4] === undefined ? "" : `/${name(match[4], match[5] ?? "")}`;
  return name(match[1]!, match[2]!) + match[3]! + bass;
}

const SHARPS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const FLATS = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];

function pitchClass(letter: string, sign: string): number {
  const sharps = sign.split("#").length - sign.split("b").length;
  return (LETTERS[letter.toUpperCase()]! + sharps + 12) % 12;
}

/** What is written in words, by the signs that the grammar has; the longest first. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/major|maj|ma(?!dd)|j(?=\d|$)/gi, "M"],
  [/M(?=i?n?or)/gi, "m"],
  [/minor|min|mi|moll/gi, "m"],
  [/[Δ△∆^](?=9|11|13)/g, "M"],
  [/[Δ△∆^]7?/g, "M7"],
  [/half[- ]?dim(?:inished)?|[øØ∅]/gi, "h"],
  [/dim(?:inished)?|[°º]/gi, "o"],
  [/aug(?:mented)?/gi, "+"],
  [/dom|dur/gi, ""],
  [/sus(?![24])/gi, "sus4"],
  [/omit/gi, "no"],
  [/^\+5/g, "+"],
  [/^-/g, "m"],
  [/6\/9|6add9/g, "69"],
  [/[(),\s]/g, ""],
];
const QUALITY =
  /^(m|h|o|\+|)(M?)(69|6|7|9|11|13|5|2|4|)((?:sus[24]|add(?:2|4|6|9|11|13)|[b#+-](?:5|9|11|13)|alt|no[35]|M7|\+)*)$/;
const CHANGE = /sus[24]|add\d+|[b#+-]\d+|alt|no[35]|M7|\+/g;
const TRIADS: Record<string, readonly [number, number]> = {
  "": [4, 7],
  m: [3, 7],
  h: [3, 6],
  o: [3, 6],
  "+": [4, 8],
};
const DEGREES: Record<number, number> = { 2: 14, 4: 17, 5: 7, 6: 9, 9: 14, 11: 17, 13: 21 };

/** Semitones above the root, an unaltered fifth last. */
function intervalsOf(written: string): number[] | null {
  const quality = WORDS.reduce((text, [pattern, sign]) => text.replace(pattern, sign), written);
  const match = QUALITY.exec(quality);
  if (!match) return null;
  const [, triad, major, extension, changes] = match as unknown as string[];
  const number = Number(extension || 0);
  let thirds = new Set([TRIADS[triad!]![0]]);
  let fifths = new Set([TRIADS[triad!]![1]]);
  let above = new Set<number>();
  if ([2, 4, 5].includes(number)) {
    if (triad || major) return null;
    thirds = new Set(number === 2 ? [2] : number === 4 ? [5] : []);
  } else if (number === 6 || number === 69) {
    above = new Set(number === 69 ? [9, 14] : [9]);
  } else if (number || triad === "h" || (triad === "m" && major)) {
    const seventh = major ? 11 : triad === "o" && number === 7 ? 9 : 10;
    above = new Set([seventh, ...[9, 11, 13].filter((n) => n <= number).map((n) => DEGREES[n]!)]);
    if (number >= 11) fifths.delete(7);
    if (number === 11 && !triad && !major) [thirds, fifths] = [new Set(), new Set([7])];
    if (number === 13) above.delete(17);
  }
  for (const change of changes!.match(CHANGE) ?? []) {
    if (change === "alt") [above, fifths] = [new Set([10, 15]), new Set([8])];
    else if (change === "M7") above.add(11);
    else if (["+", "+5", "#5"].includes(change)) fifths = altered(fifths, 8);
    else if (["-5", "b5"].includes(change)) fifths = altered(fifths, 6);
    else if (change.startsWith("no")) (change === "no3" ? thirds : fifths).clear();
    else if (change.startsWith("sus")) {
      thirds.delete(3);
      thirds.delete(4);
      thirds.add(change === "sus2" ? 2 : 5);
    } else if (change.startsWith("add")) above.add(DEGREES[Number(change.slice(3))]!);
    else {
      const degree = DEGREES[Number(change.slice(1))]!;
      above.delete(degree);
      above.add(degree + ("#+".includes(change[0]!) ? 1 : -1));
    }
  }
  const rank = (tone: number) => (tone < 12 ? tone : 100 - tone);
  const last = fifths.delete(7) ? [7] : [];
  const up = (tones: Set<number>) => [...tones].sort((a, b) => a - b);
  return [0, ...up(thirds), ...up(fifths), ...[...above].sort((a, b) => rank(a) - rank(b)), ...last];
}

function altered(fifths: Set<number>, fifth: number): Set<number> {
  return new Set([...[...fifths].filter((tone) => tone !== 7), fifth]);
}
