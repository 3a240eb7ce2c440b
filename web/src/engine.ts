// The sound: one AudioContext, one clock, one run at a time.
//
// A run is one or more sources in sync: a clip alone, a clip's stems, the loop station's tracks.
//
//   await engine.play(await engine.clipRun(clip));        // the clip from its start
//   await engine.switchTo(await engine.clipRun(other));   // on the next downbeat, without a gap
//   engine.seek(2.5); engine.pause(); await engine.resume(); engine.stop();
//   engine.position()                                     // seconds in the run's clip, as heard
//   engine.onTick((seconds) => …)                         // each animation frame while it plays
//
// Stems or tracks:
//
//   await engine.play({ owner: "station", clip: null, meter: { bpm: 112, beatsPerBar: 4 },
//                       length: 8.57, sources: [{ id: "a", buffer, gain: 1 }, …] });
//   engine.setGain("a", 0);               // mute; no click
//   engine.addSource({ id: "b", buffer, gain: 1 });   // joins on the next downbeat, in phase
//   engine.removeSource("a");             // leaves on the next downbeat
//
// A source shorter than the run goes round by itself (in the station, a bar beside four bars) where
// the run loops as a whole (brace null). With a brace all loop the brace, wrapped to their length.
// Volume, the loop switch and the brace are the transport's and common to all runs.

import type { Clip } from "./api";
import { clipUrl } from "./api";
import type { Course, Meter, Span, Voice } from "./schedule";
import { nextDownbeat, onSample, positionAt, start, stop, takeOver } from "./schedule";
import { signal } from "./state";
import { readWav } from "./wav";

export interface Source {
  id: string;
  buffer: AudioBuffer;
  gain?: number;
}

export interface Run {
  /** Who plays: "clip", "stems", "station", "story" …; a view that sees another's stops drawing. */
  owner: string;
  /** The clip that is heard, where it is one: its spectrograms show the playhead. */
  clip: Clip | null;
  meter: Meter;
  /** Length in seconds; the whole of it loops when the loop switch is on and there is no brace. */
  length: number;
  sources: Source[];
}

/** Time in which a change is certain to reach the audio thread before it is due. */
const LEAD = 0.03;
const FADE = 0.01;
const CACHED_BYTES = 256e6;

export class Engine {
  /** The run that plays or is paused. */
  readonly run = signal<Run | null>(null);
  /** The run that takes over on the next downbeat. */
  readonly next = signal<Run | null>(null);
  readonly playing = signal(false);
  readonly loop = signal(true);
  readonly volume = signal(0.9);
  /** The part that loops, in seconds of the run's clip; null is the whole. */
  readonly brace = signal<Span | null>(null);

  private context: AudioContext | null = null;
  private master: GainNode | null = null;
  private course: Course | null = null;
  private voices = new Map<string, Voice>();
  private paused = 0;
  private turn = 0;
  private readonly buffers = new Map<string, Promise<AudioBuffer>>();
  private readonly ticks = new Set<(seconds: number) => void>();
  private ticking = false;

  constructor(private readonly bytes: (url: string) => Promise<ArrayBuffer>) {
    this.volume.on((v) => this.master?.gain.setTargetAtTime(v * v, this.now(), FADE));
    this.loop.on(() => this.relooped());
    this.brace.on(() => this.relooped());
  }

  /** The samples of a WAV of the server, as they are in the file; kept for the next time. */
  load(url: string): Promise<AudioBuffer> {
    const known = this.buffers.get(url);
    if (known) return known;
    const loading = this.bytes(url).then((bytes) => this.bufferOf(bytes));
    this.buffers.set(url, loading);
    loading.then(() => this.forgetOldest(), () => this.buffers.delete(url));
    return loading;
  }

  /** The run of a clip alone. `url` where another rendering of it is meant (tempo, transposition). */
  async clipRun(clip: Clip, url = clipUrl(clip.id, "wav")): Promise<Run> {
    const buffer = await this.load(url);
    return {
      owner: "clip", clip, meter: meterOf(clip), length: buffer.duration,
      sources: [{ id: clip.id, buffer }],
    };
  }

  /** Plays a run at once, from `offset` seconds. */
  async play(run: Run, offset = 0): Promise<void> {
    const context = await this.awake(run);
    const at = onSample(context.currentTime + LEAD, context.sampleRate);
    this.begin(run, at, this.within(run, offset));
  }

  /** Plays a run from the next downbeat of what plays, in its place; at once where nothing does. */
  async switchTo(run: Run): Promise<void> {
    const turn = ++this.turn;
    const old = this.run.get();
    if (!this.playing.get() || !old) return this.play(run);
    const context = await this.awake(run);
    if (turn !== this.turn || !this.course) return;
    const at = onSample(nextDownbeat(this.course, old.meter, this.now() + LEAD), context.sampleRate);
    this.next.set(run);
    await this.until(at - LEAD / 2);
    if (turn !== this.turn || !this.course || !this.playing.get()) return;
    const position = positionAt(this.course, at);
    this.begin(run, at, takeOver(position, old.meter, run.meter, this.span(run)));
  }

  pause(): void {
    if (!this.playing.get()) return;
    this.paused = this.position();
    this.hush();
    this.playing.set(false);
  }

  async resume(): Promise<void> {
    const run = this.run.get();
    if (run && !this.playing.get()) await this.play(run, this.paused >= run.length ? 0 : this.paused);
  }

  /** Stops, and goes back to the start. */
  stop(): void {
    this.pause();
    this.paused = 0;
    this.tell();
  }

  /** Goes to a place in the clip, playing or paused. */
  seek(seconds: number): void {
    const run = this.run.get();
    if (!run) return;
    this.paused = Math.min(Math.max(0, seconds), run.length);
    if (this.playing.get()) void this.play(run, this.paused);
    else this.tell();
  }

  /** Makes a run the one that `resume` plays, without a sound yet. */
  cue(run: Run): void {
    this.stop();
    this.run.set(run);
    this.tell();
  }

  /** Seconds in the clip, as heard now. */
  position(): number {
    if (!this.playing.get() || !this.course) return this.paused;
    return positionAt(this.course, this.heard());
  }

  /** Calls at each animation frame while playing, and when the position is changed at rest. */
  onTick(told: (seconds: number) => void): () => void {
    this.ticks.add(told);
    return () => this.ticks.delete(told);
  }

  setGain(id: string, gain: number): void {
    const run = this.run.get();
    const source = run?.sources.find((s) => s.id === id);
    if (source) source.gain = gain;
    this.voices.get(id)?.gain.gain.setTargetAtTime(gain, this.now(), FADE);
  }

  /** A source joins the run on its next downbeat, in phase. */
  addSource(source: Source): void {
    const run = this.run.get();
    if (!run) return;
    run.sources.push(source);
    if (!this.playing.get() || !this.course || !this.context) return;
    const at = nextDownbeat(this.course, run.meter, this.now() + LEAD);
    this.sound(source, run, at, positionAt(this.course, at));
  }

  /** A source leaves the run on its next downbeat. */
  removeSource(id: string): void {
    const run = this.run.get();
    if (!run) return;
    run.sources = run.sources.filter((s) => s.id !== id);
    const voice = this.voices.get(id);
    if (voice && this.context && this.course) {
      stop(this.context, voice, nextDownbeat(this.course, run.meter, this.now() + LEAD));
    }
    this.voices.delete(id);
  }

  private begin(run: Run, at: number, offset: number): void {
    const context = this.context!;
    for (const voice of this.voices.values()) stop(context, voice, at);
    this.voices.clear();
    const span = this.loop.get() ? this.span(run) : null;
    this.course = { at, offset, loop: span, length: run.length };
    for (const source of run.sources) this.sound(source, run, at, offset);
    this.next.set(null);
    this.run.set(run);
    this.playing.set(true);
    this.tick();
  }

  private sound(source: Source, run: Run, at: number, offset: number): void {
    const { duration } = source.buffer;
    const brace = this.brace.get();
    const looping = this.loop.get();
    const loop: Span | null = looping
      ? brace && brace.end <= duration
        ? brace
        : { start: 0, end: duration }
      : null;
    const from = looping ? offset % duration : offset;
    if (from >= duration) return;
    const course = { at, offset: from, loop };
    const voice = start(this.context!, source.buffer, this.master!, course, source.gain ?? 1);
    if (!loop && duration >= run.length - 1e-3) voice.source.onended = () => this.ended(voice);
    this.voices.set(source.id, voice);
  }

  private ended(voice: Voice): void {
    if (![...this.voices.values()].includes(voice)) return;
    this.voices.clear();
    this.paused = 0;
    this.playing.set(false);
    this.tell();
  }

  /** The loop switch or the brace changed: the same place goes on inside the new span. */
  private relooped(): void {
    const run = this.run.get();
    if (run && this.playing.get()) void this.play(run, this.position());
    else this.tell();
  }

  private span(run: Run): Span {
    const brace = this.brace.get();
    return brace && brace.end <= run.length + 1e-6 ? brace : { start: 0, end: run.length };
  }

  private within(run: Run, offset: number): number {
    if (!this.loop.get()) return Math.min(Math.max(0, offset), run.length);
    const span = this.span(run);
    return offset >= span.start && offset < span.end ? offset : span.start;
  }

  private hush(): void {
    this.turn++;
    this.next.set(null);
    const time = this.now();
    for (const voice of this.voices.values()) {
      voice.source.onended = null;
      voice.gain.gain.setTargetAtTime(0, time, FADE / 3);
      if (this.context) stop(this.context, voice, time + FADE * 2);
    }
    this.voices.clear();
  }

  private async awake(run: Run): Promise<AudioContext> {
    const context = this.contextAt(run.sources[0]?.buffer.sampleRate ?? 44100);
    if (context.state !== "running") await context.resume();
    return context;
  }

  /** The context runs at the first clip's rate, so that its samples reach the output as they are. */
  private contextAt(rate: number): AudioContext {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      this.master = this.context.createGain();
      this.master.gain.value = this.volume.get() ** 2;
      this.master.connect(this.context.destination);
    }
    return this.context;
  }

  private bufferOf(bytes: ArrayBuffer): AudioBuffer {
    const wav = readWav(bytes);
    const first = wav.channels[0]!;
    const buffer = new AudioBuffer({
      length: Math.max(1, first.length), numberOfChannels: wav.channels.length, sampleRate: wav.rate,
    });
    wav.channels.forEach((samples, i) => buffer.copyToChannel(samples, i));
    return buffer;
  }

  private forgetOldest(): void {
    void Promise.allSettled([...this.buffers]).then(async () => {
      let bytes = 0;
      for (const [url, loading] of [...this.buffers].reverse()) {
        const buffer = await loading.catch(() => null);
        bytes += buffer ? buffer.length * buffer.numberOfChannels * 4 : 0;
        if (bytes > CACHED_BYTES) this.buffers.delete(url);
      }
    });
  }

  private now(): number {
    return this.context?.currentTime ?? 0;
  }

  private heard(): number {
    const latency = this.context?.outputLatency || 0;
    return this.now() - latency;
  }

  private until(time: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, (time - this.now()) * 1000)));
  }

  private tick(): void {
    if (this.ticking) return;
    this.ticking = true;
    const frame = () => {
      this.tell();
      if (this.playing.get()) requestAnimationFrame(frame);
      else this.ticking = false;
    };
    requestAnimationFrame(frame);
  }

  private tell(): void {
    const seconds = this.position();
    for (const told of this.ticks) told(seconds);
  }
}

export function meterOf(clip: Pick<Clip, "bpm" | "beats_per_bar">): Meter {
  return { bpm: clip.bpm, beatsPerBar: clip.beats_per_bar };
}
