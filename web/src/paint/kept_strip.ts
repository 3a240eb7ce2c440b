// The clips that were kept on the way, the first one first: any of them can be gone back to.

import type { App } from "../app";
import type { Clip } from "../api";
import { el } from "../dom";
import { SpectrogramView } from "../spectrogram";
import type { Work } from "./work";

export interface KeptStrip {
  readonly element: HTMLElement;
  setWork(work: Work | null): void;
}

export function keptStrip(app: App, goTo: (clip: Clip) => void): KeptStrip {
  let offs: (() => void)[] = [];
  let views: SpectrogramView[] = [];
  const list = el("ol", { class: "kept" });
  const element = el(
    "section",
    { class: "panel stack", hidden: true, "aria-label": "History", "data-testid": "history" },
    el("h2", {}, "History"),
    list,
  );
  const draw = (work: Work): void => {
    views.forEach((view) => view.destroy());
    views = [];
    const kept = work.kept.get();
    element.hidden = kept.length < 2;
    const items = kept.map((clip, k) => {
      const isBase = clip.id === work.base.get().id;
      const button = el("button", {
        type: "button", class: "candidate", "data-testid": `history-${k}`, onclick: () => goTo(clip),
        "aria-current": isBase ? "true" : null,
      });
      const view = new SpectrogramView(button, app, { clip, compact: true, passive: true, height: 40 });
      views.push(view);
      button.append(el("span", { class: "caption" }, k === 0 ? "Original" : clip.prompt || clip.title));
      return el("li", {}, button);
    });
    list.replaceChildren(...items);
  };
  return {
    element,
    setWork(work) {
      offs.forEach((off) => off());
      offs = work ? [work.kept.on(() => draw(work)), work.base.on(() => draw(work))] : [];
      if (work) draw(work);
      else element.hidden = true;
    },
  };
}
