// The time axis of notes: beats across, linked with a spectrogram's columns where there is one.

import { signal } from "../state";
import type { SpectrogramView } from "../spectrogram";

export interface BeatWindow {
  /** The beat at the left edge of the plot. */
  readonly left: number;
  /** CSS pixels a beat. */
  readonly scale: number;
}

const MOST_SCALE = 480;
const USUAL_GUTTER = 64;

export class BeatAxis {
  readonly window = signal<BeatWindow>({ left: 0, scale: 1 });
  /** Beats in all. */
  private beats = 1;
  private width = 1;
  /** CSS pixels on the left, where rows have their names: as many as the spectrogram's axes have. */
  gutter = USUAL_GUTTER;


  xOf(beat: number): number {
    const { left, scale } = this.window.get();
    return this.gutter + (beat - left) * scale;
  }

  beatAt(x: number): number {
    const { left, scale } = this.window.get();
    return left + (x - this.gutter) / scale;
  }

  /** The size of what is shown; what showed everything goes on doing so. */
  resize(beats: number, width: number): void {
    const whole = this.window.get().scale <= this.fitted * 1.001;
    this.beats = beats;
    this.width = Math.max(1, width - this.gutter);
    if (whole) this.fit();
    else this.scrollTo(this.window.get().left);
  }

  fit(): void {
    this.window.set({ left: 0, scale: this.fitted });
  }

  zoom(factor: number, x = this.gutter + this.width / 2): void {
    const beat = this.beatAt(x);
    const scale = Math.min(Math.max(this.window.get().scale * factor, this.fitted), MOST_SCALE);
    this.scrollTo(beat - (x - this.gutter) / scale, scale);
  }

  scrollTo(left: number, scale = Math.max(this.window.get().scale, this.fitted)): void {
    const most = Math.max(0, this.beats - this.width / scale);
    this.window.set({ left: Math.min(Math.max(0, left), most), scale });
  }

  /** The spectrogram and the axis show the same beats from now on. Returns what ends it. */
  follow(view: SpectrogramView): () => void {
    let telling = false;
    const told = (tell: () => void) => () => {
      if (telling) return;
      telling = true;
      tell();
      telling = false;
    };
    const ofView = told(() => {
      const perBeat = view.columnsPerBeat;
      const { left, scale } = view.window.get();
      this.gutter = view.plot.x;
      if (!perBeat) return;
      this.window.set({ left: (left - view.columnOf(0)) / perBeat, scale: scale * perBeat });
    });
    const ofAxis = told(() => {
      const perBeat = view.columnsPerBeat;
      const { left, scale } = this.window.get();
      if (!perBeat) return;
      view.window.set({ left: left * perBeat + view.columnOf(0), scale: scale / perBeat });
    });
    const offs = [view.window.on(ofView), this.window.on(ofAxis), view.axes.on(ofView)];
    ofView();
    return () => offs.forEach((off) => off());
  }

  private get fitted(): number {
    return this.width / this.beats;
  }
}
