// What a story stays close to: nothing, a bundled seed, or a clip.

import type { App } from "../app";
import { clipUrl } from "../api";
import { el } from "../dom";
import { saveAs } from "../save";
import { themeFile } from "./toml";

const MOST_CLIPS = 40;

export interface ThemeChoice {
  readonly element: HTMLElement;
  /** A seed's name or `clip:ID`; null for none. */
  get(): string | null;
  set(theme: string | null): void;
  /** Its name in a script: a clip's file is saved beside it. */
  inScript(): Promise<string | null>;
}

export function themeChoice(app: App, changed: () => void): ThemeChoice {
  let wanted = ""; // which may not be known yet
  const select = el("select", {
    id: "theme", "data-testid": "theme",
    onchange: () => {
      wanted = select.value;
      changed();
    },
  });
  const seeds = el("optgroup", { label: "Bundled" });
  const clips = el("optgroup", { label: "Clips" });
  select.append(el("option", { value: "" }, "none"), seeds, clips);
  const choose = (): void => {
    select.value = wanted;
    if (select.value !== wanted) select.value = "";
  };
  app.tasks.on(
    (tasks) => {
      const input = tasks.find((task) => task.name === "story")?.inputs.find((one) => one.name === "theme");
      seeds.replaceChildren(...(input?.names ?? []).map((name) => el("option", { value: name }, name)));
      choose();
    },
    { now: true },
  );
  app.clips.on(
    (all) => {
      const known = all.filter((clip, k) => k < MOST_CLIPS || `clip:${clip.id}` === wanted);
      clips.replaceChildren(...known.map((clip) => el("option", { value: `clip:${clip.id}` }, clip.title)));
      choose();
    },
    { now: true },
  );
  const isUnlisted = (): boolean => wanted.startsWith("clip:") || app.tasks.get().length === 0;
  const get = (): string | null => (isUnlisted() ? wanted : select.value) || null;
  return {
    element: el("div", { class: "field" }, el("label", { for: "theme" }, "Theme"), select),
    get,
    set(theme) {
      wanted = theme ?? "";
      choose();
      if (!wanted.startsWith("clip:")) return;
      void app.clip(wanted.slice("clip:".length)).catch(() => {
        if (wanted === theme) wanted = ""; // it was deleted
      });
    },
    async inScript() {
      const theme = get();
      const id = theme?.startsWith("clip:") ? theme.slice("clip:".length) : null;
      if (id === null) return theme;
      const name = themeFile(id);
      saveAs(new Blob([await app.api.bytes(clipUrl(id, "wav"))], { type: "audio/wav" }), name);
      return name;
    },
  };
}
