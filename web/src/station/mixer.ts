// The station's sound: its tracks decoded at one tempo and key, in sync on the engine's clock.

import type { Clip } from "../api";
import { clipUrl } from "../api";
import type { App } from "../app";
import type { Run } from "../engine";
import { commonBeats, mixed, sampleOfBeat, tiled, tooLong } from "./mixing";
import type { Mix } from "./mixing";
import type { Station } from "./tracks";
import { gainOf, semitonesOf, station } from "./tracks";

export const OWNER = "station";
const SAME_BPM = 1e-6;
const METER_SECONDS = 0.06;

/** A track and the clip that it plays. */
export interface Playable {
  readonly at: number;
  readonly clip: Clip;
  readonly url: string;
  readonly beats: number;
}

export class Mixer {
  /** Tracks as they sound now, by the id of their source. */
  private sounding = new Map<string, { buffer: AudioBuffer; gain: number }>();
  private turn = 0;
  private shown = "";

  constructor(
    private readonly app: App,
    private readonly clips: (id: string) => Clip | undefined,
    /** Whether sound is being decoded. */
    private readonly busy: (busy: boolean) => void,
  ) {
    station.on(() => void this.changed());
  }

  get isOn(): boolean {
    return this.app.engine.run.get()?.owner === OWNER;
  }

  get bpm(): number | null {
    const { bpm, tracks } = station.get();
    return bpm ?? this.clips(tracks[0]?.clip ?? "")?.bpm ?? null;
  }

  /** What plays together: tracks whose clips are known. */
  playables(now: Station = station.get()): Playable[] {
    const bpm = this.bpm;
    return now.tracks.flatMap((track, at) => {
      const clip = this.clips(track.clip);
      if (!clip?.beats || !bpm) return [];
      const transpose = semitonesOf(clip, track, now.key);
      const own = Math.abs(bpm - (clip.bpm ?? 0)) < SAME_BPM;
      const url = clipUrl(clip.id, "wav", { bpm: own ? undefined : bpm, transpose });
      return [{ at, clip, url, beats: Math.round(clip.beats) }];
    });
  }

  /** Beats after which all begin together; 0 without tracks. */
  get beats(): number {
    const beats = this.playables().map((one) => one.beats);
    return beats.length ? commonBeats(beats) : 0;
  }

  /** Plays, or goes on where it was paused. */
  async play(): Promise<void> {
    if (this.isOn && this.identity() === this.shown) return this.app.engine.resume();
    const run = await this.run();
    if (run) await this.app.engine.switchTo(run);
  }

  /** The mix over the common length, at the clips' rate. */
  async mix(): Promise<(Mix & { rate: number; beats: number; bpm: number }) | null> {
    const { tracks } = station.get();
    const all = this.playables();
    const heard = all.filter(({ at }) => gainOf(tracks, at) > 0);
    const bpm = this.bpm;
    if (!heard.length || !bpm) return null;
    this.check(all);
    const rate = heard[0]!.clip.sample_rate;
    const loops = await Promise.all(heard.map(async ({ at, url, beats }) => {
      const buffer = await resampled(await this.app.engine.load(url), rate);
      return { channels: channelsOf(buffer), beats, gain: gainOf(tracks, at) };
    }));
    const { beats } = this;
    return { ...mixed(loops, beats, bpm, rate), rate, beats, bpm };
  }

  /** The peak that a track has just now, 0 to 1 and beyond. */
  level(at: number): number {
    const own = this.isOn && this.app.engine.playing.get() ? this.sounding.get(sourceOf(at)) : null;
    if (!own) return 0;
    const { sampleRate, length } = own.buffer;
    const end = Math.floor(this.app.engine.position() * sampleRate) % length;
    const begin = Math.max(0, end - Math.round(METER_SECONDS * sampleRate));
    let peak = 0;
    for (let k = 0; k < own.buffer.numberOfChannels; k++) {
      const samples = own.buffer.getChannelData(k);
      for (let i = begin; i < end; i++) peak = Math.max(peak, Math.abs(samples[i]!));
    }
    return peak * own.gain;
  }

  /** Mutes and levels at once; tracks, tempo and key on the next downbeat. */
  private async changed(): Promise<void> {
    const { engine } = this.app;
    if (!this.isOn) return;
    const { tracks } = station.get();
    if (this.identity() === this.shown) {
      tracks.forEach((_, at) => {
        engine.setGain(sourceOf(at), gainOf(tracks, at));
        const own = this.sounding.get(sourceOf(at));
        if (own) own.gain = gainOf(tracks, at);
      });
      return;
    }
    if (!tracks.length) return engine.stop();
    const run = await this.run();
    if (!run || !this.isOn) return;
    if (engine.playing.get()) await engine.switchTo(run);
    else engine.cue(run);
  }

  private async run(): Promise<Run | null> {
    const turn = ++this.turn;
    const playables = this.playables();
    const bpm = this.bpm;
    if (!playables.length || !bpm) return null;
    const identity = this.identity();
    this.busy(true);
    try {
      this.check(playables);
      const beats = commonBeats(playables.map((one) => one.beats));
      const buffers = await Promise.all(playables.map(({ url }) => this.app.engine.load(url)));
      if (turn !== this.turn) return null;
      const { tracks } = station.get();
      const sources = playables.map(({ at, beats: own }, k) => ({
        id: sourceOf(at), buffer: tiledBuffer(buffers[k]!, own, beats, bpm), gain: gainOf(tracks, at),
      }));
      this.sounding = new Map(sources.map((one) => [one.id, { ...one }]));
      this.shown = identity;
      const meter = { bpm, beatsPerBar: playables[0]!.clip.beats_per_bar };
      return { owner: OWNER, clip: null, title: "Loop station", meter, length: (beats * 60) / bpm, sources };
    } catch (error) {
      if (turn === this.turn) this.app.say((error as Error).message, "error");
      return null;
    } finally {
      if (turn === this.turn) this.busy(false);
    }
  }

  private check(playables: readonly Playable[]): void {
    const wrong = tooLong(playables.map((one) => one.beats));
    if (wrong) throw new Error(wrong);
  }

  /** What is decoded, without how loud it is. */
  private identity(): string {
    return JSON.stringify([this.bpm, this.playables().map(({ at, url }) => [at, url])]);
  }
}

const sourceOf = (at: number): string => `loop ${at + 1}`;

function channelsOf(buffer: AudioBuffer): Float32Array[] {
  return Array.from({ length: buffer.numberOfChannels }, (_, k) => buffer.getChannelData(k));
}

const tilings = new WeakMap<AudioBuffer, Map<string, AudioBuffer>>();

function tiledBuffer(buffer: AudioBuffer, beats: number, common: number, bpm: number): AudioBuffer {
  const of = `${beats} ${common} ${bpm}`;
  const known = tilings.get(buffer)?.get(of);
  if (known) return known;
  const { numberOfChannels, sampleRate } = buffer;
  const length = sampleOfBeat(common, bpm, sampleRate);
  const longer = new AudioBuffer({ length, numberOfChannels, sampleRate });
  channelsOf(buffer).forEach((channel, k) =>
    longer.copyToChannel(tiled(channel, beats, common, bpm, sampleRate), k));
  tilings.set(buffer, new Map([[of, longer]]));
  return longer;
}

/** At another rate, where clips of several models stand together. */
async function resampled(buffer: AudioBuffer, rate: number): Promise<AudioBuffer> {
  if (buffer.sampleRate === rate) return buffer;
  const length = Math.round((buffer.length * rate) / buffer.sampleRate);
  const context = new OfflineAudioContext(buffer.numberOfChannels, length, rate);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return context.startRendering();
}
