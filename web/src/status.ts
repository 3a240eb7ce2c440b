// Whether the model is ready and the connection stands: a quiet line in the header.

import type { Api, Health, Job } from "./api";
import { el } from "./dom";
import { signal, type Signal } from "./state";

const WHILE_LOADING_MS = 1000;
const OTHERWISE_MS = 10000;

export function watchHealth(api: Api, connected: Signal<boolean>): Signal<Health | null> {
  const health = signal<Health | null>(null);
  let timer = 0;
  const ask = async () => {
    clearTimeout(timer);
    const now = await api.health().catch(() => null);
    health.set(now);
    timer = setTimeout(ask, now?.status === "ok" ? OTHERWISE_MS : WHILE_LOADING_MS);
  };
  connected.on(() => void ask());
  for (const name of ["online", "offline"]) addEventListener(name, () => void ask());
  void ask();
  return health;
}

export function statusLine(health: Signal<Health | null>, connected: Signal<boolean>, jobs: Signal<Job[]>): HTMLElement {
  const text = el("span", {});
  const element = el("p", { class: "status", role: "status", "data-testid": "status" }, el("span", { class: "dot", "aria-hidden": "true" }), text);
  const show = () => {
    const [state, words] = wordsOf(health.get(), connected.get(), jobs.get().some((job) => job.state === "running"));
    element.dataset.state = state;
    if (text.textContent !== words) text.textContent = words;
  };
  health.on(show);
  jobs.on(show);
  connected.on(show, { now: true });
  return element;
}

export function wordsOf(health: Health | null, connected: boolean, painting = false): [string, string] {
  if (!health) return ["lost", "No connection to the server. Trying again…"];
  if (health.status === "failed") return ["failed", health.model.error ?? "The model can't be loaded."];
  if (health.status === "loading") return ["loading", `Loading the model ${health.model.name}…`];
  if (health.problem) return ["failed", `Jobs wait: ${health.problem}`];
  if (!connected) return ["loading", "Connecting…"];
  return ["ok", `${health.model.name} is ${painting ? "painting" : "ready"}${health.device ? ` · ${health.device}` : ""}`];
}
