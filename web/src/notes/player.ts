// The score by the synthesizer, a source of the engine for each track, so that it starts, loops and
// changes places with a painted clip like any other sound.

import type { App } from "../app";
import type { Clip } from "../api";
import type { Run } from "../engine";
import type { ScoreDoc } from "./doc";
import type { Note, Score, Track } from "./score";
import { renderSample, renderTrack } from "./synth";

export const OWNER = "notes";
/** Longer than this, edits would wait for the sound. */
const MOST_SECONDS = 240;
const USUAL_RATE = 44100;
const AFTER_EDIT_MS = 60;

export class NotesPlayer {
  readonly mute = new Set<number>();
  readonly solo = new Set<number>();
  private buffers = new WeakMap<Track, { buffer: AudioBuffer; of: string }>();
  private played: readonly Track[] = [];
  private waiting: number | undefined;

  constructor(
    private readonly app: App,
    private readonly doc: ScoreDoc,
    private readonly clip: () => Clip | null,
    private readonly title: () => string,
  ) {
    doc.now.on(() => this.refresh());
  }

  /** Whether the notes are what plays, or would if it went on. */
  get isOn(): boolean {
    return this.app.engine.run.get()?.owner === OWNER;
  }

  heard(track: number): boolean {
    return this.solo.size > 0 ? this.solo.has(track) : !this.mute.has(track);
  }

  /** Plays the notes; what plays already gives way on its next downbeat. */
  async play(): Promise<void> {
    const score = this.doc.score;
    if (!score) return;
    if (secondsOf(score) > MOST_SECONDS) {
      const minutes = MOST_SECONDS / 60;
      this.app.say(`Only scores of up to ${minutes} minutes are heard as notes; paint it instead.`);
      return;
    }
    await this.app.engine.switchTo(this.run(score));
  }

  /** Makes the notes what plays next, without a sound yet. */
  cue(): void {
    const score = this.doc.score;
    if (score && secondsOf(score) <= MOST_SECONDS) this.app.engine.cue(this.run(score));
  }

  /** A note alone, where nothing else plays. */
  sample(track: number, note: Note): void {
    const own = this.doc.score?.tracks[track];
    if (!own || this.app.engine.playing.get()) return;
    void this.app.engine.sample(buffered(renderSample(own, note, this.rate), this.rate));
  }

  /** Mute and solo, as they are now. */
  regain(): void {
    if (!this.isOn) return;
    this.doc.score?.tracks.forEach((_, k) =>
      this.app.engine.setGain(sourceOf(k), Number(this.heard(k))));
  }

  /** What was edited is heard in its place; other chords over the same notes change nothing. */
  private refresh(): void {
    window.clearTimeout(this.waiting);
    if (!this.isOn || this.doc.score?.tracks === this.played) return;
    this.waiting = window.setTimeout(() => {
      const { engine } = this.app;
      const { score } = this.doc;
      if (!this.isOn || !score || secondsOf(score) > MOST_SECONDS) return;
      const run = this.run(score);
      if (engine.playing.get()) void engine.play(run, engine.position() % run.length);
      else engine.cue(run);
    }, AFTER_EDIT_MS);
  }

  private run(score: Score): Run {
    this.played = score.tracks;
    const { bpm, beats_per_bar: beatsPerBar } = score.facts;
    return {
      owner: OWNER,
      clip: null,
      title: `Notes: ${this.title()}`,
      meter: { bpm, beatsPerBar },
      length: secondsOf(score),
      sources: score.tracks.map((track, k) => ({
        id: sourceOf(k), buffer: this.buffer(track, score), gain: Number(this.heard(k)),
      })),
    };
  }

  private buffer(track: Track, score: Score): AudioBuffer {
    const { bpm, n_beats: beats } = score.facts;
    const of = `${bpm} ${beats} ${this.rate}`;
    const known = this.buffers.get(track);
    if (known?.of === of) return known.buffer;
    const buffer = buffered(renderTrack(track, bpm, beats, this.rate), this.rate);
    this.buffers.set(track, { buffer, of });
    return buffer;
  }

  private get rate(): number {
    return (this.clip() ?? this.app.clips.get()[0])?.sample_rate ?? USUAL_RATE;
  }
}

export const secondsOf = (score: Score): number => (score.facts.n_beats * 60) / score.facts.bpm;

const sourceOf = (track: number): string => `track ${track + 1}`;

function buffered(samples: Float32Array<ArrayBuffer>, sampleRate: number): AudioBuffer {
  const buffer = new AudioBuffer({ length: samples.length, numberOfChannels: 1, sampleRate });
  buffer.copyToChannel(samples, 0);
  return buffer;
}
