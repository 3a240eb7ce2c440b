// Library: all clips of this studio, found by words, tempo and key.

import type { App, Mounted, View } from "../app";
import type { Clip, ClipQuery } from "../api";
import { clipMenu } from "../clip_actions";
import { openButton } from "../drop/panel";
import { el, icon } from "../dom";
import { factsOf } from "../format";
import { SpectrogramView } from "../spectrogram";
import "./library.css";

const PAGE = 24;
const WAIT_MS = 200;
const WAIT_FOR_KEY_MS = 900; // half a key is none

export const view: View = {
  name: "library",
  title: "Library",
  mount(root, app): Mounted {
    const search = makeSearch(app);
    const grid = el("ul", { class: "cards", "data-testid": "library" });
    const empty = el("p", { class: "muted empty" });
    const more = el("button", { type: "button", class: "button", hidden: true, "data-testid": "more" }, "Show more");
    const state = el("p", { class: "only-read", role: "status" });
    const cards = new Map<string, Card>();
    let shown: Clip[] = [];
    let turn = 0;
    let stale = true;

    const draw = () => {
      const ids = new Set(shown.map((c) => c.id));
      for (const [id, card] of cards) if (!ids.has(id)) (card.destroy(), cards.delete(id));
      shown.forEach((clip, i) => {
        const card = cards.get(clip.id) ?? new Card(app, clip);
        cards.set(clip.id, card);
        card.show(clip);
        if (grid.children[i] !== card.element) grid.insertBefore(card.element, grid.children[i] ?? null);
      });
      empty.hidden = shown.length > 0;
      empty.textContent = search.used() ? "No clip fits these." : "Nothing here yet. What you make appears here by itself.";
    };
    const load = async (further = false) => {
      const mine = ++turn;
      try {
        const last = shown[shown.length - 1];
        const query: ClipQuery = { ...search.query(), limit: PAGE, ...(further && last ? { before: last.id } : {}) };
        const answer = await app.api.clips(query);
        if (mine !== turn) return;
        search.say("");
        shown = further ? [...shown, ...answer.clips] : answer.clips;
        more.hidden = !answer.more;
        state.textContent = `${shown.length}${answer.more ? " or more" : ""} clips`;
        draw();
      } catch (error) {
        if (mine === turn) search.say((error as Error).message);
      }
    };
    more.addEventListener("click", () => void load(true));
    search.onChange(() => void load());
    // clips come, change and go while the library is open
    app.clips.on((known) => {
      const now = new Map(known.map((c) => [c.id, c]));
      const next = shown.map((c) => now.get(c.id) ?? c);
      if (next.some((c, i) => c !== shown[i])) {
        shown = next;
        draw();
      }
    });
    app.onEvent((event) => {
      if (event.name === "removed") {
        shown = shown.filter((c) => c.id !== event.clip);
        draw();
      } else if (event.name === "clip") {
        stale = true;
        if (!root.hidden) void load();
      }
    });
    app.onDiscard((id, gone) => {
      if (gone) shown = shown.filter((c) => c.id !== id);
      else void load();
      draw();
    });
    root.append(el("div", { class: "stack library-page" }, search.element, state, grid, empty, el("div", { class: "row" }, more, openButton(app))));
    return {
      shown() {
        if (stale) void load();
        stale = false;
      },
      undo: () => void (app.undiscard() || app.say("Nothing to undo here.")),
    };
  },
};

interface Search {
  element: HTMLElement;
  query(): ClipQuery;
  used(): boolean;
  /** What is wrong with it; "" for nothing. */
  say(wrong: string): void;
  onChange(told: () => void): void;
}

function makeSearch(app: App): Search {
  const field = (label: string, input: HTMLElement, cls = "") => {
    input.id = `find-${label.replaceAll(" ", "-").toLowerCase()}`;
    return el("div", { class: `field ${cls}` }, el("label", { for: input.id }, label), input);
  };
  const words = el("input", { type: "search", placeholder: "words of the prompt or title", "data-testid": "search" });
  const from = el("input", { type: "number", min: 20, max: 400, inputmode: "decimal", placeholder: "any", "data-testid": "bpm-from" });
  const to = el("input", { type: "number", min: 20, max: 400, inputmode: "decimal", placeholder: "any", "data-testid": "bpm-to" });
  const key = el("input", { type: "text", placeholder: "any", list: "keys", "data-testid": "find-key" });
  const task = el("select", { "data-testid": "find-task" }, el("option", { value: "" }, "any"));
  const kept = el("input", { type: "checkbox", role: "switch", "data-testid": "find-kept" });
  app.tasks.on((tasks) => {
    task.replaceChildren(el("option", { value: "" }, "any"), ...[...tasks.map((t) => t.name), "import"].map((n) => el("option", { value: n }, n)));
  }, { now: true });
  const wrong = el("p", { class: "note bad search-wrong", role: "alert", "data-testid": "search-wrong" });
  const element = el(
    "form", { class: "search panel", role: "search", onsubmit: (event: Event) => event.preventDefault() },
    field("Search", words, "grow"), field("BPM from", from, "short"), field("BPM to", to, "short"),
    field("Key", key, "short"), field("Made by", task, "short"),
    el("label", { class: "switch" }, kept, el("span", {}, "Kept only")), wrong,
  );
  const number = (input: HTMLInputElement) => (input.value === "" ? undefined : Number(input.value));
  const query = (): ClipQuery => ({
    q: words.value.trim() || undefined, bpm_from: number(from), bpm_to: number(to),
    key: key.value.trim() || undefined, task: task.value || undefined, kept: kept.checked || undefined,
  });
  return {
    element,
    query,
    say: (text) => (wrong.textContent = text),
    used: () => Object.values(query()).some((value) => value !== undefined),
    onChange(told) {
      let timer = 0;
      const soon = (wait: number) => {
        clearTimeout(timer);
        timer = setTimeout(told, wait);
      };
      element.addEventListener("input", (event) => {
        wrong.textContent = "";
        soon(event.target === key ? WAIT_FOR_KEY_MS : WAIT_MS);
      });
      key.addEventListener("change", () => soon(0));
    },
  };
}

class Card {
  readonly element: HTMLElement;
  private readonly view: SpectrogramView;
  private readonly main = el("button", { type: "button", class: "tile-main" });
  private readonly title = el("span", { class: "card-title" });
  private readonly facts = el("span", { class: "muted small" });
  private readonly keep: HTMLButtonElement;
  private readonly offs: (() => void)[];

  constructor(private readonly app: App, private clip: Clip) {
    this.view = new SpectrogramView(this.main, app, { clip, compact: true, passive: true });
    this.main.addEventListener("click", () => {
      const { engine } = app;
      if (engine.playing.get() && engine.run.get()?.clip?.id === this.clip.id) engine.pause();
      else void app.playClip(this.clip);
    });
    const fails = (error: Error) => app.say(error.message, "error");
    this.keep = el("button", { type: "button", class: "icon-button quiet small", "aria-label": "Keep", title: "Keep", "data-testid": "keep", onclick: () => void app.keep(this.clip, !this.clip.kept).catch(fails) }, icon("keep"));
    const discard = el("button", { type: "button", class: "icon-button quiet small", "aria-label": "Discard", title: "Discard", "data-testid": "discard", onclick: () => app.discard(this.clip) }, icon("discard"));
    this.element = el(
      "li", { class: "tile card", "data-testid": "card", "data-state": "ready" }, this.main,
      el("div", { class: "tile-foot" }, el("span", { class: "tile-text" }, this.title, this.facts), el("span", { class: "tile-actions" }, this.keep, discard, clipMenu(app, () => this.clip, true))),
    );
    const sound = () => this.sounding();
    this.offs = [app.engine.run.on(sound), app.engine.playing.on(sound), app.selected.on(sound)];
  }

  destroy(): void {
    this.offs.forEach((off) => off());
    this.view.destroy();
    this.element.remove();
  }

  show(clip: Clip): void {
    this.clip = clip;
    this.view.setClip(clip);
    this.title.textContent = clip.title;
    this.title.title = clip.prompt;
    this.facts.textContent = [factsOf(clip), new Date(clip.created).toLocaleDateString([], { month: "short", day: "numeric" })].join(" · ");
    this.main.setAttribute("aria-label", `Play ${clip.title}, ${factsOf(clip)}`);
    this.keep.setAttribute("aria-pressed", String(clip.kept));
    this.keep.querySelector("svg")!.classList.toggle("solid", clip.kept);
    this.sounding();
  }

  private sounding(): void {
    const { engine, selected } = this.app;
    const sounds = engine.playing.get() && engine.run.get()?.clip?.id === this.clip.id;
    this.element.toggleAttribute("data-sounding", sounds);
    this.element.toggleAttribute("data-chosen", selected.get()?.id === this.clip.id);
    this.main.setAttribute("aria-pressed", String(sounds));
  }
}
