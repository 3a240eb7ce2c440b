// A clip's stems: a row each with mute, solo, gain and another instrument.

import type { App } from "../app";
import type { Clip, Words } from "../api";
import { clipUrl, stemUrl } from "../api";
import { el, icon } from "../dom";
import { playButton } from "../playbutton";
import { dbOfGain, gainOfDb } from "../station/mixing";
import { carried, type Channel, plain, type StemMix } from "./stem_mix";

export const OWNER = "stems";
const LEAST_DB = -30;

export class Stems {
  readonly element = el("section", { class: "stems panel", "aria-label": "Stems", hidden: true });
  private clip: Clip | null = null;
  private channels: Channel[] = [];
  /** The mix that a clip takes over from the one it was painted of. */
  private carrying: { to: string; mix: StemMix } | null = null;

  constructor(
    private readonly app: App,
    /** Paints the clip again with a request changed. */
    private readonly again: (change: (request: Words) => Words) => Promise<void>,
  ) {}

  show(clip: Clip | null): void {
    if (clip?.id === this.clip?.id) return;
    this.clip = clip;
    const names = clip?.stems.map(({ name }) => name) ?? [];
    this.channels = this.carrying && this.carrying.to === clip?.id
      ? carried(this.carrying.mix, names)
      : names.map(plain);
    if (clip) this.carrying = null;
    this.element.hidden = !clip || clip.stems.length === 0;
    this.element.replaceChildren();
    if (!clip || this.element.hidden) return;
    this.element.append(
      el("div", { class: "row apart" },
        el("h3", {}, "Stems"),
        playButton(this.app, {
          label: "Play the stems", testid: "stems-play", isOn: () => this.isOn, play: () => this.play(),
        })),
      el("ul", { class: "list" }, clip.stems.map((stem, k) => this.row(clip, stem, k))),
    );
  }

  /** A clip that was painted of the shown one will be mixed as it is. */
  carryTo(clip: Clip): void {
    const names = this.clip?.stems.map(({ name }) => name) ?? [];
    this.carrying = { to: clip.id, mix: { names, channels: this.channels } };
  }

  /** Whether the stems are what plays. */
  get isOn(): boolean {
    const run = this.app.engine.run.get();
    return run?.owner === OWNER && run.clip?.id === this.clip?.id;
  }

  /** Whether some stem is not as it is in the clip. */
  get changed(): boolean {
    return this.channels.some((one) => one.mute || one.solo || one.db !== 0);
  }

  /** Plays the stems in place of the clip: at the same point where the clip plays. */
  async play(): Promise<void> {
    const { clip } = this;
    const { engine } = this.app;
    if (!clip) return;
    try {
      const meter = await engine.meter(clip);
      const buffers = await Promise.all(clip.stems.map(({ n }) => engine.load(stemUrl(clip.id, n, "wav"))));
      if (clip !== this.clip) return;
      const run = {
        owner: OWNER, clip, meter,
        length: Math.max(...buffers.map((buffer) => buffer.duration)),
        sources: buffers.map((buffer, k) => ({ id: `stem ${k + 1}`, buffer, gain: this.gain(k) })),
      };
      const playing = engine.run.get();
      const same = playing?.clip?.id === clip.id;
      if (same && engine.playing.get()) await engine.play(run, engine.position());
      else await engine.switchTo(run);
    } catch (error) {
      this.app.say((error as Error).message, "error");
    }
  }

  /** As it is heard now: 0 where it is muted, or another has solo. */
  gain(k: number): number {
    const own = this.channels[k]!;
    const heard = this.channels.some((one) => one.solo) ? own.solo : !own.mute;
    return heard ? gainOfDb(own.db) : 0;
  }

  private row(clip: Clip, { n, name }: Clip["stems"][number], k: number): HTMLElement {
    const channel = this.channels[k]!;
    const toggle = (what: "mute" | "solo") => {
      const button = el("button", {
        type: "button", class: "button small", "aria-pressed": String(channel[what]),
        "aria-label": `${what === "mute" ? "Mute" : "Solo"} ${name}`, "data-testid": `stem-${n}-${what}`,
        onclick: () => {
          channel[what] = !channel[what];
          button.setAttribute("aria-pressed", String(channel[what]));
          this.changedMix();
        },
      }, what === "mute" ? "Mute" : "Solo");
      return button;
    };
    const shown = el("output", { class: "mono small" });
    const show = () =>
      (shown.textContent = `${Number(dbOfGain(gainOfDb(channel.db)).toFixed(1))} dB`);
    show();
    const level = el("input", {
      type: "range", min: LEAST_DB, max: 6, step: 0.5, value: channel.db, "aria-label": `Level of ${name} in dB`,
      "data-testid": `stem-${n}-gain`,
    });
    level.addEventListener("input", () => {
      channel.db = Number(level.value);
      show();
      this.changedMix();
    });
    return el("li", { class: "stem row", "data-testid": `stem-${n}` },
      el("strong", { class: "stem-name" }, name),
      toggle("mute"), toggle("solo"),
      el("span", { class: "stem-level" }, level, shown),
      this.replacing(name, n),
      el("a", {
        class: "icon-button small", href: stemUrl(clip.id, n, "wav"), download: `${clip.title} ${name}.wav`,
        "aria-label": `Download ${name} as WAV`,
      }, icon("download")),
    );
  }

  private replacing(name: string, n: number): HTMLElement {
    const options = el("datalist", { id: `instruments-${n}` });
    const input = el("input", {
      type: "text", list: options.id, placeholder: "Another instrument", autocomplete: "off",
      "aria-label": `Another instrument for ${name}`, "data-testid": `stem-${n}-instrument`,
    });
    input.addEventListener("input", () => void this.complete(input.value, options));
    return el("form", {
      class: "stem-replace",
      onsubmit: (event: Event) => {
        event.preventDefault();
        const other = input.value.trim();
        if (!other) return input.focus();
        const change = (request: Words): Words => ({
          ...request, stems: true, replace: [...((request.replace as string[]) ?? []), `${name}=${other}`],
        });
        void this.again(change);
      },
    }, input, options,
      el("button", { type: "submit", class: "button small", "data-testid": `stem-${n}-replace` }, "Replace"));
  }

  private async complete(words: string, options: HTMLDataListElement): Promise<void> {
    try {
      const { instruments } = await this.app.api.words(words);
      options.replaceChildren(...instruments.map((value) => el("option", { value })));
    } catch {
      // only a help while typing
    }
  }

  private changedMix(): void {
    if (this.isOn) {
      this.channels.forEach((_, k) => this.app.engine.setGain(`stem ${k + 1}`, this.gain(k)));
    } else if (this.app.engine.playing.get()) void this.play();
  }
}

export const midiUrl = (clip: Clip): string => clipUrl(clip.id, "mid", { download: true });
