// The loop station's tracks: which clips, at which tempo and key, how loud. Remembered by the browser.

import type { Clip } from "../api";
import type { App } from "../app";
import { parseKey, semitonesBetween } from "../notes/keys";
import { remembered } from "../remembered";
import { signal } from "../state";
import { gainOfDb } from "./mixing";

export interface StationTrack {
  readonly clip: string;
  readonly mute: boolean;
  readonly solo: boolean;
  readonly db: number;
  /** Semitones by hand, beside those that the key asks for. */
  readonly shift: number;
}

export interface Station {
  /** BPM; null: the first track's. */
  readonly bpm: number | null;
  /** "A minor"; null: each as it is. */
  readonly key: string | null;
  readonly tracks: readonly StationTrack[];
}

export const MOST_TRACKS = 8;
export const [LEAST_BPM, MOST_BPM] = [20, 400];
const MOST_SHIFT = 12;
const STORED = "station";

/** What stands on the station; any view may add to it. */
export const station = signal<Station>(stationOf(remembered.get<unknown>(STORED, null)));
station.on((now) => remembered.set(STORED, now));

function isTempo(bpm: unknown): bpm is number {
  return typeof bpm === "number" && bpm >= LEAST_BPM && bpm <= MOST_BPM;
}

/** A tempo as it is typed; null: the first track's. Throws a sentence where it can't be one. */
export function tempoOf(typed: string): number | null {
  if (typed.trim() === "") return null;
  const bpm = Number(typed);
  if (!isTempo(bpm)) throw new Error(`The tempo is a number from ${LEAST_BPM} to ${MOST_BPM} BPM.`);
  return bpm;
}

/** Puts a clip on the station, or says why it can't be. True if it is there. */
export function addToStation(app: App, clip: Clip): boolean {
  const { tracks } = station.get();
  const wrong = refusal(clip) ??
    (tracks.length >= MOST_TRACKS ? `The station has ${MOST_TRACKS} tracks; remove one first.` : null);
  if (wrong) {
    const looping = refusal(clip) && clip.prompt
      ? { label: "Make a loop", run: () => void makeLoop(app, clip) }
      : undefined;
    app.say(wrong, "error", looping);
    return false;
  }
  const track = { clip: clip.id, mute: false, solo: false, db: 0, shift: 0 };
  station.update((now) => ({ ...now, tracks: [...now.tracks, track] }));
  return true;
}

export function changeTrack(at: number, change: Partial<StationTrack>): void {
  station.update((now) => ({
    ...now, tracks: now.tracks.map((track, k) => (k === at ? { ...track, ...change } : track)),
  }));
}

export function removeTrack(at: number): void {
  station.update((now) => ({ ...now, tracks: now.tracks.filter((_, k) => k !== at) }));
}

/** Why a clip can't go round with others, in a sentence. */
export function refusal(clip: Clip): string | null {
  if (clip.bpm && clip.beats && clip.whole_beats) return null;
  return `“${clip.title}” isn't a loop of whole beats, so it can't play in time with others.`;
}

/** Makes a clip of the same music that goes round, and puts it on the station. */
export async function makeLoop(app: App, clip: Clip): Promise<void> {
  try {
    const made = clip.job ? await app.api.job(clip.job).catch(() => null) : null;
    const seed = clip.seed ?? undefined;
    const { duration: _, ...request } = made?.request ?? {};
    const bars = Math.max(1, Math.round(clip.bars ?? 2));
    const job = made?.task === "generate"
      ? await app.submit("generate", { ...request, seed, loop: true }, made.inputs)
      : await app.submit("loop", { prompts: [clip.prompt], bars, seed }, { theme: `clip:${clip.id}` });
    app.say(`Making a loop of “${clip.title}”…`);
    const over = await app.whenDone(job.id);
    if (over.clips[0]) addToStation(app, over.clips[0]);
    else if (over.error) app.say(over.error, "error");
  } catch (error) {
    app.say((error as Error).message, "error");
  }
}

/** Semitones by which a track is decoded: to the key, and by hand. */
export function semitonesOf(clip: Clip, track: StationTrack, key: string | null): number {
  const [from, to] = [clip.key ? parseKey(clip.key) : null, key ? parseKey(key) : null];
  return (from && to ? semitonesBetween(from, to) : 0) + track.shift;
}

export const shifted = (shift: number, by: number): number =>
  Math.min(Math.max(shift + by, -MOST_SHIFT), MOST_SHIFT);

/** 0 where it is muted, or another has solo. */
export function gainOf(tracks: readonly StationTrack[], at: number): number {
  const track = tracks[at]!;
  const heard = tracks.some((one) => one.solo) ? track.solo : !track.mute;
  return heard ? gainOfDb(track.db) : 0;
}

/** A station from what was stored; what can't be one is left out. */
export function stationOf(value: unknown): Station {
  try {
    const { bpm, key, tracks } = value as Station;
    const number = (value: unknown, usual: number) => (Number.isFinite(value) ? Number(value) : usual);
    return {
      bpm: isTempo(bpm) ? bpm : null,
      key: typeof key === "string" && parseKey(key) ? key : null,
      tracks: tracks.filter(({ clip }) => typeof clip === "string").slice(0, MOST_TRACKS).map(
        ({ clip, mute, solo, db, shift }) => ({
          clip, mute: mute === true, solo: solo === true, db: number(db, 0), shift: number(shift, 0),
        })),
    };
  } catch {
    return { bpm: null, key: null, tracks: [] };
  }
}
