// The sound: one AudioContext, one clock, one run at a time.
//
// A run is one or more sources in sync: a clip alone, a clip's stems, the loop station's tracks.
//
//   await engine.play(await engine.clipRun(clip));        // the clip from its start
//   await engine.switchTo(await engine.clipRun(other));   // on the next downbeat, without a gap
//   engine.seek(2.5); engine.pause(); await engine.resume(); engine.stop();
//   engine.position()                                     // seconds in the run, as heard
//   engine.onTick((seconds) => …)                         // each animation frame while it plays
//
// Stems or tracks:
//
//   await engine.play({ owner: "station", clip: null, meter: { bpm: 112, beatsPerBar: 4 },
//                       length: 8.57, sources: [{ id: "a", buffer, gain: 1 }, …] });
//   engine.setGain("a", 0);                           // mute; no click
//   engine.addSource({ id: "b", buffer, gain: 1 });   // joins on the next downbeat, in phase
//   engine.removeSource("a");                         // leaves on the next downbeat
//
// A source shorter than its run is repeated to the run's length. Volume and the loop switch are
// the transport's and common to all runs; the brace is of runs that have a clip. Both may change
// while it sounds. `wake()` belongs into a click's handler where sound is to begin later by itself.

import type { Clip } from "./api";
import { clipUrl } from "./api";
import { Buffers, filling } from "./buffers";
import type { Course, Meter, Span, Voice } from "./schedule";
import { goOn, nextDownbeat, onSample, positionAt, setLoop, start, stop, takeOver } from "./schedule";
import { signal } from "./state";

export interface Source {
  id: string;
  buffer: AudioBuffer;
  gain?: number;
}

export interface Run {
  /** Who plays: "clip", "stems", "station", "story" … */
  owner: string;
  /** The clip that is heard, where it is one: its spectrograms show the playhead. */
  clip: Clip | null;
  /** What the transport calls a run without a clip: "Loop station". */
  title?: string;
  meter: Meter;
  /** Length in seconds; the whole of it loops when the loop switch is on and there is no brace. */
  length: number;
  sources: Source[];
}

interface Playing {
  run: Run;
  course: Course;
  voices: Map<string, Voice>;
}

/** Time in which a change is certain to reach the audio thread before it is due. */
const LEAD = 0.03;
/** Of fades at seeks, mutes and pauses, in seconds. */
const FADE = 0.008;

export class Engine {
  /** The run that plays or is paused. */
  readonly run = signal<Run | null>(null);
  /** The run that takes over on the next downbeat. */
  readonly next = signal<Run | null>(null);
  readonly playing = signal(false);
  readonly loop = signal(true);
  readonly volume = signal(0.9);
  /** The part that loops, in seconds of the clip; null is the whole. */
  readonly brace = signal<Span | null>(null);

  private context: AudioContext | null = null;
  private master: GainNode | null = null;
  private current: Playing | null = null;
  private pending: Playing | null = null;
  private rest = 0;
  private turn = 0;
  /** The run that `play` starts as soon as the browser lets it sound. */
  private starting: { run: Run; turn: number } | null = null;
  private drift = 0;
  private ticking = false;
  private readonly buffers: Buffers;
  private readonly ticks = new Set<(seconds: number) => void>();

  /** `meter` says where a clip's bars are. */
  constructor(
    bytes: (url: string) => Promise<ArrayBuffer>,
    readonly meter: (clip: Clip) => Promise<Meter>,
  ) {
    this.buffers = new Buffers(bytes);
    this.volume.on((v) => this.master?.gain.setTargetAtTime(v * v, this.now(), FADE));
    this.loop.on(() => this.relooped());
    this.brace.on(() => this.relooped());
  }

  /** The samples of a WAV of the server, as they are in the file; kept for the next time. */
  load(url: string): Promise<AudioBuffer> {
    return this.buffers.load(url);
  }

  /** The run of a clip alone. `url` where another rendering of it is meant (tempo, transposition). */
  async clipRun(clip: Clip, url = clipUrl(clip.id, "wav")): Promise<Run> {
    const [buffer, meter] = await Promise.all([this.load(url), this.meter(clip)]);
    const sources = [{ id: clip.id, buffer }];
    return { owner: "clip", clip, meter, length: buffer.duration, sources };
  }

  /** Makes sound possible: browsers ask for a click before the first. */
  wake(rate = 44100): void {
    void this.contextAt(rate).resume();
  }

  /** Plays a run at once, from `offset` seconds. */
  async play(run: Run, offset = 0): Promise<void> {
    const turn = ++this.turn;
    this.starting = { run, turn };
    const context = await this.awake(run);
    if (turn !== this.turn) return;
    this.starting = null;
    this.forgetPending();
    const at = onSample(context.currentTime + LEAD, context.sampleRate);
    const old = this.current;
    if (old) this.fadeOut(old, at);
    const from = this.within(run, offset);
    this.current = this.started(run, at, from, from > 0 || old !== null);
    this.run.set(run);
    this.playing.set(true);
    this.tick();
  }

  /** Plays a run from the next downbeat of what plays, in its place; at once where nothing does. */
  async switchTo(run: Run): Promise<void> {
    if (!this.current) return this.play(run);
    const turn = ++this.turn;
    const context = await this.awake(run);
    if (turn !== this.turn) return;
    this.forgetPending();
    const old = this.current;
    if (!old) return;
    const { course } = old;
    const at = onSample(nextDownbeat(course, old.run.meter, this.now() + LEAD), context.sampleRate);
    const left = course.loop ?? { start: 0, end: course.length };
    // what is at `at` has just gone round the seam, so the place a little before it is looked at
    const before = positionAt(course, at - 1e-3) + 1e-3;
    const offset = takeOver(before, old.run.meter, left, run.meter, this.span(run));
    for (const voice of old.voices.values()) stop(context, voice, at);
    this.pending = this.started(run, at, offset, false);
    this.next.set(run);
    setTimeout(() => this.promote(), Math.max(0, at - this.heard()) * 1000 + 5);
  }

  pause(): void {
    if (!this.current) return;
    this.turn++;
    this.promote();
    this.forgetPending();
    this.rest = this.position();
    this.fadeOut(this.current, this.now());
    this.current = null;
    this.playing.set(false);
    this.tell();
  }

  async resume(): Promise<void> {
    const run = this.run.get();
    if (run && !this.current) await this.play(run, this.rest >= run.length - 1e-3 ? 0 : this.rest);
  }

  /** Stops, and goes back to the start. */
  stop(): void {
    this.pause();
    this.rest = 0;
    this.tell();
  }

  /** Goes to a place in the run, playing or paused. */
  seek(seconds: number): void {
    const run = this.run.get();
    if (!run) return;
    this.rest = Math.min(Math.max(0, seconds), run.length);
    const starts = this.starting?.run === run && this.starting.turn === this.turn;
    if (this.current || starts) void this.replay(run, this.rest);
    else this.tell();
  }

  /** Makes a run the one that `resume` plays, at a place, without a sound yet. */
  cue(run: Run, seconds = 0): void {
    this.pause();
    this.run.set(run);
    this.seek(seconds);
  }

  /** No run any more, where none plays. */
  forget(): void {
    if (this.current) return;
    this.rest = 0;
    this.run.set(null);
    this.tell();
  }

  /** Seconds in the run, as heard now. */
  position(): number {
    return this.current ? positionAt(this.current.course, this.heard()) : this.rest;
  }

  /** Calls at each animation frame while playing, and when the position is changed at rest. */
  onTick(told: (seconds: number) => void): () => void {
    this.ticks.add(told);
    return () => this.ticks.delete(told);
  }

  setGain(id: string, gain: number): void {
    for (const playing of [this.current, this.pending]) {
      playing?.voices.get(id)?.gain.gain.setTargetAtTime(gain, this.now(), FADE);
    }
    const source = this.run.get()?.sources.find((s) => s.id === id);
    if (source) source.gain = gain;
  }

  /** A source joins the run on its next downbeat, in phase. */
  addSource(source: Source): void {
    const run = this.run.get();
    if (!run) return;
    run.sources.push(source);
    const playing = this.current;
    if (!playing) return;
    const at = nextDownbeat(playing.course, run.meter, this.now() + LEAD);
    const offset = positionAt(playing.course, at + 1e-6);
    const voice = this.sound(playing, source, { ...playing.course, at, offset });
    if (voice && this.pending) stop(this.context!, voice, this.pending.course.at);
  }

  /** A source leaves the run on its next downbeat. */
  removeSource(id: string): void {
    const run = this.run.get();
    if (!run) return;
    run.sources = run.sources.filter((s) => s.id !== id);
    const voice = this.current?.voices.get(id);
    if (!voice || !this.current) return;
    const at = nextDownbeat(this.current.course, run.meter, this.now() + LEAD);
    stop(this.context!, voice, Math.min(at, this.pending?.course.at ?? Infinity));
    this.current.voices.delete(id);
  }

  /** Sounds a buffer once, at once, beside the run: a note that is drawn, say. */
  async sample(buffer: AudioBuffer): Promise<void> {
    const context = this.contextAt(buffer.sampleRate);
    if (context.state !== "running") await context.resume();
    start(context, buffer, this.master!, { at: context.currentTime, offset: 0, loop: null });
  }

  private started(run: Run, at: number, offset: number, soft: boolean): Playing {
    const loop = this.loop.get() ? this.span(run) : null;
    const playing = { run, course: { at, offset, loop, length: run.length }, voices: new Map() };
    for (const source of run.sources) this.sound(playing, source, playing.course, soft);
    return playing;
  }

  private sound(playing: Playing, source: Source, course: Course, soft = false): Voice | null {
    const buffer = filling(source.buffer, playing.run.length);
    if (!course.loop && course.offset >= buffer.duration) return null;
    const level = source.gain ?? 1;
    const voice = start(this.context!, buffer, this.master!, course, soft ? 0 : level);
    if (soft) {
      voice.gain.gain.setValueAtTime(0, course.at);
      voice.gain.gain.linearRampToValueAtTime(level, course.at + FADE);
    }
    playing.voices.set(source.id, voice);
    voice.source.onended = () => {
      voice.gain.disconnect();
      if (playing.voices.get(source.id) !== voice) return;
      playing.voices.delete(source.id);
      if (playing === this.current && !playing.voices.size && !this.pending) this.ended();
    };
    return voice;
  }

  private ended(): void {
    this.current = null;
    this.rest = 0;
    this.playing.set(false);
    this.tell();
  }

  private fadeOut(playing: Playing, at: number): void {
    for (const voice of playing.voices.values()) {
      voice.gain.gain.setTargetAtTime(0, at, FADE / 3);
      stop(this.context!, voice, at + FADE * 2);
    }
    playing.voices.clear();
  }

  /** What was to take over has, by the clock. */
  private promote(): void {
    const next = this.pending;
    if (!next || this.heard() < next.course.at) return;
    this.current = next;
    this.pending = null;
    this.next.set(null);
    this.run.set(next.run);
  }

  private forgetPending(): void {
    const next = this.pending;
    if (!next) return;
    this.pending = null;
    this.next.set(null);
    if (this.now() + LEAD / 2 > next.course.at) {
      // too late to take it back: it has the floor
      this.current = next;
      this.run.set(next.run);
      return;
    }
    for (const voice of next.voices.values()) voice.source.stop();
    for (const voice of this.current?.voices.values() ?? []) goOn(voice);
  }

  /** The loop switch or the brace changed: the same place goes on, inside the new span. */
  private relooped(): void {
    const next = this.next.get();
    this.forgetPending();
    const { current } = this;
    if (!current) return this.tell();
    const time = this.now();
    const position = positionAt(current.course, time);
    const loop = this.loop.get() ? this.span(current.run) : null;
    if (loop && (position < loop.start || position > loop.end - LEAD * 2)) {
      void this.replay(current.run, this.position(), next);
      return;
    }
    current.course = { ...current.course, at: time, offset: position, loop };
    for (const voice of current.voices.values()) setLoop(voice.source, loop);
    if (next && next !== current.run) void this.switchTo(next);
  }

  /** Goes to another place; what was to take over then does so on the next downbeat from there. */
  private async replay(run: Run, offset: number, next = this.next.get()): Promise<void> {
    const playing = this.play(run, offset);
    const { turn } = this;
    await playing;
    if (next && next !== run && turn === this.turn) await this.switchTo(next);
  }

  private span(run: Run): Span {
    const brace = run.clip ? this.brace.get() : null;
    return brace && brace.end <= run.length + 1e-3
      ? { start: brace.start, end: Math.min(brace.end, run.length) }
      : { start: 0, end: run.length };
  }

  private within(run: Run, offset: number): number {
    const span = this.loop.get() ? this.span(run) : { start: 0, end: run.length };
    return offset >= 0 && offset < span.end ? offset : span.start;
  }

  private async awake(run: Run): Promise<AudioContext> {
    const context = this.contextAt(run.sources[0]?.buffer.sampleRate ?? 44100);
    if (context.state !== "running") await context.resume();
    return context;
  }

  /**
   * The context runs at the clip's rate, so that its samples reach the output as they are. Where
   * a clip of another rate takes over from one that sounds, its source node is resampled instead.
   */
  private contextAt(rate: number): AudioContext {
    if (this.context && (this.current || this.context.sampleRate === rate)) return this.context;
    void this.context?.close();
    this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.master = this.context.createGain();
    this.master.gain.value = this.volume.get() ** 2;
    this.master.connect(this.context.destination);
    return this.context;
  }

  private now(): number {
    return this.context?.currentTime ?? 0;
  }

  /** The context's time that is heard now. Its clock goes in steps; the screen's evens them out. */
  private heard(): number {
    if (!this.context) return 0;
    const screen = performance.now() / 1000;
    const off = this.context.currentTime - screen - this.drift;
    this.drift += Math.abs(off) > 0.05 ? off : off * 0.05;
    return screen + this.drift - (this.context.outputLatency || 0);
  }

  private tick(): void {
    if (this.ticking) return;
    this.ticking = true;
    const frame = () => {
      this.promote();
      this.tell();
      if (this.current) requestAnimationFrame(frame);
      else this.ticking = false;
    };
    requestAnimationFrame(frame);
  }

  private tell(): void {
    const seconds = this.position();
    for (const told of this.ticks) told(seconds);
  }
}

/** Of a clip whose image begins `lead` seconds before it (Axes). */
export function meterOf(clip: Pick<Clip, "bpm" | "beats_per_bar">, lead = 0): Meter {
  return { bpm: clip.bpm, beatsPerBar: clip.beats_per_bar, lead };
}
