import { describe, expect, it } from "vitest";
import { barsOf, chordRows, parseChord, placed, transposedSymbol } from "../src/notes/chords";
import { ScoreDoc } from "../src/notes/doc";
import { drumName, drumRows, sectionOf } from "../src/notes/drums";
import { gridFor, lineBefore, snapped } from "../src/notes/grid";
import { keyName, parseKey, pitchName, semitonesBetween } from "../src/notes/keys";
import { chordsRequest, composeRequest, notesRequest } from "../src/notes/painting";
import { Rows } from "../src/notes/rows";
import * as edits from "../src/notes/score";
import type { Note, Score } from "../src/notes/score";
import { renderSample, renderTrack } from "../src/notes/synth";
import values from "./notes.json";

interface Known {
  chords: Record<string, [root: number, intervals: number[], bass: number | null]>;
  lines: [line: string, beats: number, chords: [root: number, start: number, duration: number][]][];
  keys: Record<string, [tonic: number, mode: string]>;
  sections: Record<string, string>;
  score: Score;
  line: string;
}

// tests/score/test_page.py holds notes.json to the library.
const known = values as unknown as Known;
const { score } = known;
const bass = score.tracks.findIndex((track) => track.role === "bass");
const kick = score.tracks.findIndex((track) => track.instrument === "kick");

describe("chords", () => {
  it("are read as the library reads them", () => {
    for (const [symbol, [root, intervals, bassNote]] of Object.entries(known.chords)) {
      expect([symbol, parseChord(symbol)]).toEqual([symbol, { root, intervals, bass: bassNote }]);
    }
    for (const symbol of ["H7", "Cfoo", "", "7"]) expect(parseChord(symbol)).toBeNull();
  });

  it("begin where the library lets them begin", () => {
    for (const [line, beats, chords] of known.lines) {
      const rows = chordRows(barsOf(line), beats);
      expect(rows.map(([, root, , start, duration]) => [root, start, duration])).toEqual(chords);
    }
  });

  it("say in a sentence what can't be read", () => {
    expect(() => chordRows(["Am", "Xm"], 4)).toThrow("“Xm” isn't a chord");
    expect(() => placed(["/ Am"], 4)).toThrow("begins with a chord");
    expect(() => placed(["Am", " "], 4)).toThrow("Bar 2 has no chord");
  });

  it("are transposed with their bass and quality", () => {
    expect(transposedSymbol("Am7/G", 3, false)).toBe("Cm7/A#");
    expect(transposedSymbol("F#maj7#11", -1, true)).toBe("Fmaj7#11");
    expect(transposedSymbol("N.C.", 3, true)).toBe("N.C.");
  });
});

describe("keys", () => {
  it("are those of the library", () => {
    for (const [text, [tonic, mode]] of Object.entries(known.keys)) {
      expect(parseKey(text)).toEqual({ tonic, mode });
    }
    expect(parseKey("techno")).toBeNull();
    const names = [["D", "minor"], ["Eb", "minor"], ["B", "major"], [null, null]] as const;
    expect(names.map(([key, mode]) => pitchName(70, key, mode))).toEqual(["B♭4", "B♭4", "A♯4", "A♯4"]);
    expect(keyName({ tonic: 10, mode: "minor" })).toBe("Bb minor");
  });

  it("come together by the nearest way, relatives by none", () => {
    const between = (from: string, to: string) => semitonesBetween(parseKey(from)!, parseKey(to)!);
    expect(between("A minor", "C major")).toBe(0);
    expect(between("C major", "A minor")).toBe(0);
    expect(between("A minor", "B minor")).toBe(2);
    expect(between("A minor", "G minor")).toBe(-2);
    expect(between("E minor", "C major")).toBe(5);
    expect(between("A dorian", "A minor")).toBe(0);
    expect(between("C major", "F# major")).toBe(-6);
  });
});

describe("a score", () => {
  const note: Note = [1, 0.5, 60, 90];

  it("gets a note, keeps its others and their order", () => {
    const [more, place] = edits.addNote(score, bass, note);
    expect(edits.noteAt(more, place)).toEqual(note);
    expect(more.tracks[bass]!.notes.length).toBe(score.tracks[bass]!.notes.length + 1);
    const starts = more.tracks[bass]!.notes.map((one) => one[0]);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(edits.removeNote(more, place)).toEqual(score);
  });

  it("holds what is moved out of it at its edges", () => {
    const [more, place] = edits.addNote(score, bass, note);
    const [moved, at] = edits.changeNote(more, place, { start: 99, pitch: 200, velocity: 0 });
    expect(edits.noteAt(moved, at)).toEqual([8 - edits.SHORTEST, 0.5, 127, 1]);
    const [long, there] = edits.changeNote(more, place, { start: -3, duration: 1000 });
    expect(edits.noteAt(long, there)!.slice(0, 2)).toEqual([0, 8]);
  });

  it("moves a drum to the track of its part of the kit, a new one if need be", () => {
    const toSnare = edits.changeNote(score, { track: kick, note: 0 }, { pitch: 38 });
    expect(toSnare[0].tracks[toSnare[1].track]!.instrument).toBe("snare");
    const [withToms, place] = edits.changeNote(score, { track: kick, note: 0 }, { pitch: 45 });
    expect(withToms.tracks[place.track]!.instrument).toBe("toms");
    expect(withToms.tracks.length).toBe(score.tracks.length + 1);
    expect(withToms.tracks[place.track]!.bank).toBe(score.tracks[kick]!.bank);
  });

  it("is transposed with its key and chords, and its drums stay", () => {
    const up = edits.transposed(score, 2);
    expect([score.facts.key, up.facts.key]).toEqual(["Eb", "F"]);
    expect(up.tracks[bass]!.notes[0]![2] - score.tracks[bass]!.notes[0]![2]).toBe(2);
    expect(up.tracks[kick]).toEqual(score.tracks[kick]);
    expect(up.chords[0]![1]).toBe((score.chords[0]![1] + 2) % 12);
    expect(edits.transposed(up, -2)).toEqual(score);
  });

  it("is one that the library accepts, after any edits", () => {
    let random = 7;
    const draw = (most: number) => (random = (random * 48271) % 2147483647) % most;
    let edited = score;
    for (let k = 0; k < 300; k++) {
      const track = draw(edited.tracks.length);
      const place = { track, note: draw(Math.max(1, edited.tracks[track]!.notes.length)) };
      const change = { start: draw(100) / 9 - 1, duration: draw(90) / 7, pitch: draw(160) - 10 };
      if (k % 3 === 0) edited = edits.addNote(edited, track, [draw(80) / 7, 0, draw(140), k])[0];
      else if (k % 7 === 0) edited = edits.removeNote(edited, place);
      else edited = edits.changeNote(edited, place, { ...change, velocity: draw(200) })[0];
      if (k % 50 === 0) edited = edits.transposed(edited, draw(24) - 12);
    }
    for (const track of edited.tracks) {
      for (const [start, duration, pitch, velocity] of track.notes) {
        expect(start >= 0 && start < 8 && duration > 0 && duration <= 8).toBe(true);
        expect(Number.isInteger(pitch) && pitch >= 0 && pitch < 128).toBe(true);
        expect(Number.isInteger(velocity) && velocity > 0 && velocity < 128).toBe(true);
      }
    }
  });
});

describe("the score in the page", () => {
  const opened = () => {
    const doc = new ScoreDoc();
    doc.show({ score, bars: barsOf(known.line) });
    doc.track.set(bass);
    return doc;
  };

  it("is undone and redone by steps; a drag is one", () => {
    const doc = opened();
    expect(doc.edited.get()).toBe(false);
    doc.add([1, 1, 50, 80]);
    doc.begin();
    for (const pitch of [51, 52, 53]) {
      doc.set(...edits.changeNote(doc.score!, doc.chosen.get()!, { pitch }));
    }
    doc.commit();
    expect(doc.note![2]).toBe(53);
    doc.undo();
    expect(doc.score!.tracks[bass]!.notes.some((note) => note[2] === 50)).toBe(true);
    doc.undo();
    expect(doc.score).toBe(score);
    expect(doc.edited.get()).toBe(false);
    doc.redo();
    doc.redo();
    expect(doc.score!.tracks[bass]!.notes.some((note) => note[2] === 53)).toBe(true);
    expect(doc.canRedo).toBe(false);
  });

  it("takes chords into the score, and refuses others without a change", () => {
    const doc = opened();
    const bars = doc.now.get()!.bars;
    doc.setBars(["Am", ...bars.slice(1)]);
    expect(doc.score!.chords[0]!.slice(1, 5)).toEqual([9, [0, 3, 7], 0, 4]);
    const before = doc.now.get();
    expect(() => doc.setBars(["Am", "Q"])).toThrow("isn't a chord");
    expect(doc.now.get()).toBe(before);
  });
});

describe("painting again", () => {
  const origin = {
    title: "t", prompt: "jazz", clip: null,
    request: { prompt: "jazz", seed: 5, bars: 2, bpm: 90, steps: 4, loop: true, chords: "Am", humanize: 0.5 },
    inputs: { melody: "clip:a" },
  };

  it("keeps seed and options, and leaves to the score what is the score's", () => {
    expect(notesRequest(origin, "blues", "u1")).toEqual({
      request: { prompt: "blues", seed: 5, steps: 4, loop: true }, inputs: { score: "upload:u1" },
    });
  });

  it("over chords keeps the length and what was brought", () => {
    const { request, inputs } = chordsRequest(origin, "jazz", { score, bars: ["F", "G"] });
    expect(request).toEqual({ ...origin.request, chords: "F | G", bars: 2 });
    expect(inputs).toEqual(origin.inputs);
    expect(composeRequest(origin, "jazz", { score, bars: ["F", "G"] })).toEqual({
      prompt: "jazz", chords: "F | G", bars: 2, bpm: 136, beats_per_bar: 4, key: "Eb minor", seed: 5,
    });
  });
});

describe("new notes over the same chords", () => {
  const other = { score: edits.transposed(score, 1), bars: ["Am"] };

  it("say that they take the place of changes by hand, which come back", () => {
    const doc = new ScoreDoc();
    doc.show({ score, bars: ["Am"] });
    expect(doc.rewrite(other)).toBeNull();
    doc.add([0, 1, 60, 90]);
    const own = doc.score;
    const back = doc.rewrite({ ...other, score: edits.transposed(score, 2) });
    expect(doc.rewrite(other)).toBeNull();
    back!();
    expect(doc.score).toBe(own);
  });

  it("bring nothing back into another score", () => {
    const doc = new ScoreDoc();
    doc.show({ score, bars: ["Am"] });
    doc.add([0, 1, 60, 90]);
    const back = doc.rewrite(other);
    doc.show(other);
    back!();
    expect(doc.score).toBe(other.score);
  });
});

describe("a score without notes", () => {
  it("is nothing to save or paint", () => {
    const tracks = score.tracks.map((track) => ({ ...track, notes: [] }));
    expect([edits.hasNotes(score), edits.hasNotes({ ...score, tracks }), edits.hasNotes(null)]).toEqual([true, false, false]);
  });
});

describe("grids and rows", () => {
  it("snap to the nearest line, and triplets are chosen for what swings", () => {
    expect(snapped(1.4, 0.25)).toBe(1.5);
    expect(snapped(1.4, 1 / 3)).toBeCloseTo(4 / 3);
    expect(lineBefore(1.99, 0.5)).toBe(1.5);
    expect(gridFor(score).name).toBe("1/8 triplets");
    const straight = edits.transposed(score, 0);
    const even = straight.tracks.map((t) => ({ ...t, notes: [[0.25, 1, 60, 9] as Note] }));
    expect(gridFor({ ...straight, tracks: even }).name).toBe("1/16");
  });

  it("has a row for each note, the drums below by name", () => {
    const rows = new Rows(score);
    for (const track of score.tracks) {
      for (const note of track.notes) {
        const row = rows.of(note[2], edits.isDrums(track))!;
        expect(rows.atY(row.top + row.height / 2)).toBe(row);
      }
    }
    expect(rows.all[rows.all.length - 1]!.name).toBe("Kick");
    expect(rows.of(60, false)!.name).toBe("C4");
  });

  it("knows the parts of the kit as the library does", () => {
    for (const [pitch, section] of Object.entries(known.sections)) {
      expect([pitch, sectionOf(Number(pitch))]).toEqual([pitch, section]);
      expect(drumName(Number(pitch))).not.toContain("Drum ");
    }
    expect(drumRows([36, 42, 49, 38])).toEqual([49, 42, 38, 36]);
  });
});

describe("the synthesizer", () => {
  const rate = 22050;
  const alone = (note: Note) => ({ ...score.tracks[bass]!, notes: [note] });
  const power = (sound: Float32Array, hz: number) => {
    const [sin, cos] = [Math.sin, Math.cos].map((wave) =>
      sound.reduce((sum, value, k) => sum + value * wave((2 * Math.PI * hz * k) / rate), 0),
    );
    return sin! ** 2 + cos! ** 2;
  };

  it("sounds the pitch that is written", () => {
    const sound = renderSample(alone([0, 1, 69, 100]), [0, 1, 69, 100], rate);
    expect(power(sound, 440)).toBeGreaterThan(50 * power(sound, 466.16));
    expect(power(sound, 440)).toBeGreaterThan(50 * power(sound, 415.3));
  });

  it("is as long as the score, begins its notes on time, and rings round the seam", () => {
    const sound = renderTrack(alone([1, 0.5, 45, 100]), 120, 4, rate);
    expect(sound.length).toBe(2 * rate);
    const peak = (from: number, to: number) =>
      Math.max(...sound.subarray(from * rate, to * rate).map(Math.abs));
    expect(peak(0, 0.5)).toBe(0);
    expect(peak(0.5, 0.75)).toBeGreaterThan(0.05);
    expect(peak(1.2, 2)).toBe(0);
    const round = renderTrack(alone([3.5, 1, 45, 100]), 120, 4, rate);
    expect(Math.max(...round.subarray(0, 0.2 * rate).map(Math.abs))).toBeGreaterThan(0.01);
  });
});
