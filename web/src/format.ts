// Numbers as people read them.

import type { Clip } from "./api";
import type { Meter } from "./schedule";

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** 440 → "A4", with cents where it is more than 10 off: "A4 +23". */
export function noteOf(hz: number): string {
  const exact = 69 + 12 * Math.log2(hz / 440);
  const note = Math.round(exact);
  const cents = Math.round((exact - note) * 100);
  const name = midiName(note);
  return Math.abs(cents) > 10 ? `${name} ${cents > 0 ? "+" : "−"}${Math.abs(cents)}` : name;
}

/** MIDI note 69 → "A4". */
export function midiName(note: number): string {
  return `${NAMES[((note % 12) + 12) % 12]}${Math.floor(note / 12) - 1}`;
}

export function hzOf(hz: number): string {
  return hz < 1000 ? `${Math.round(hz)} Hz` : `${(hz / 1000).toFixed(hz < 10000 ? 2 : 1)} kHz`;
}

export function levelOf(db: number | null): string {
  return db === null || !Number.isFinite(db) || db < -120 ? "silent" : `${db.toFixed(1).replace("-", "−")} dB`;
}

/** Bar and beat from 1, and hundredths of a beat: "2.3.50". Without a tempo: seconds. */
export function positionIn({ bpm, beatsPerBar, lead = 0 }: Meter, seconds: number): string {
  if (!bpm) return secondsOf(seconds);
  const beats = Math.max(0, ((seconds + lead) * bpm) / 60) + 1e-6;
  const bar = Math.floor(beats / beatsPerBar);
  const beat = Math.floor(beats - bar * beatsPerBar);
  const part = Math.floor((beats % 1) * 100);
  return `${bar + 1}.${beat + 1}.${String(part).padStart(2, "0")}`;
}

/** 4.2857 → "4.29 s"; 75 → "1:15.0". */
export function secondsOf(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(2)} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)}:${rest < 10 ? "0" : ""}${rest.toFixed(1)}`;
}

/** "2 bars · 112 BPM · A minor", of what is known. */
export function factsOf(clip: Clip): string {
  const bars = clip.bars;
  return [
    bars ? `${Number.isInteger(bars) ? bars : bars.toFixed(1)} ${bars === 1 ? "bar" : "bars"}` : secondsOf(clip.seconds),
    clip.bpm ? `${Number(clip.bpm.toFixed(1))} BPM` : null,
    clip.key,
  ].filter(Boolean).join(" · ");
}
