// What was there before, laid over the left part of the image.

import type { App } from "../app";
import type { Clip } from "../api";
import { el } from "../dom";
import { type Layer, SpectrogramView } from "../spectrogram";

export class SplitImage {
  private readonly before: SpectrogramView;
  private readonly edge = el("div", { class: "split-edge" });

  constructor(
    root: HTMLElement,
    app: App,
    private readonly after: SpectrogramView,
  ) {
    this.before = new SpectrogramView(root, app, { passive: true });
    this.before.element.classList.add("before");
    this.before.element.inert = true; // its zoom buttons, too
    root.append(this.edge);
    after.window.on((place) => this.before.window.set(place));
    this.show(0);
  }

  addLayer(layer: Layer): void {
    this.before.addLayer({ draw: (context, view) => layer.draw(context, view) });
  }

  setClip(clip: Clip): void {
    this.before.setClip(clip);
    this.before.window.set(this.after.window.get());
  }

  /** `share` of the plot shows it, from the left; 0 hides it. */
  show(share: number): void {
    this.before.element.hidden = this.edge.hidden = share === 0;
    const { x, width } = this.after.plot;
    const at = `${x + share * width}px`;
    this.before.element.style.clipPath = `inset(0 calc(100% - ${at}) 0 0)`;
    this.edge.style.left = at;
    if (share > 0) this.before.window.set(this.after.window.get());
  }
}
