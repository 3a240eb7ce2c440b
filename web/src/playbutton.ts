// A button that plays something of a view's own, and pauses it when it is what sounds.

import type { App } from "./app";
import { el, icon } from "./dom";

export interface Playable {
  label: string;
  testid: string;
  /** Whether it is what the engine plays, or would go on with. */
  isOn(): boolean;
  play(): Promise<void>;
  class?: string;
}

export function playButton(app: App, { label, testid, isOn, play, class: own }: Playable): HTMLButtonElement {
  const { engine } = app;
  const button = el("button", {
    type: "button", class: `button ${own ?? "small"}`, "data-testid": testid, "aria-pressed": "false",
    onclick: () => {
      if (engine.playing.get() && isOn()) engine.pause();
      else void play();
    },
  });
  const show = () => {
    const sounding = engine.playing.get() && isOn();
    button.setAttribute("aria-pressed", String(sounding));
    button.replaceChildren(icon(sounding ? "pause" : "play"), label);
  };
  engine.run.on(show);
  engine.playing.on(show, { now: true });
  return button;
}
