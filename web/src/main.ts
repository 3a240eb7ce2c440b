// The page: tabs of the views, messages, the transport.

import "./style.css";
import "./shell.css";
import { Api, UNREACHED } from "./api";
import type { Mounted, View, ViewName } from "./app";
import { el } from "./dom";
import { listenForDrops } from "./drop/panel";
import { helpDialog, listenToKeys } from "./keys";
import { makeMessages } from "./messages";
import { hashOf, placeOf } from "./place";
import * as schedule from "./schedule";
import { asked, signedIn } from "./signin";
import { statusLine, watchHealth } from "./status";
import { makeStudio } from "./studio";
import { makeTransport } from "./transport";
import { readWav } from "./wav";
import { view as library } from "./views/library";
import { view as make } from "./views/make";
import { view as notes } from "./views/notes";
import { view as paint } from "./views/paint";
import { view as station } from "./views/station";
import { view as story } from "./views/story";

const VIEWS: View[] = [make, paint, notes, story, station, library];
const root = document.querySelector<HTMLElement>("#app")!;
const api = new Api();
const messages = makeMessages();
const app = makeStudio(api, messages.say);
const mounted = new Map<ViewName, Mounted>();
const open = () => mounted.get(app.view.get()) ?? {};
const health = watchHealth(api, app.connected);
const transport = makeTransport(app, () => {
  const { play } = open();
  return play && (() => play.call(open()));
});

const sections = new Map(VIEWS.map((view) => [view.name, el("section", { class: `view ${view.name}`, "aria-label": view.title, hidden: true })]));
const tabs = new Map(VIEWS.map((view) => [view.name, el("a", { href: `#${view.name}`, "data-testid": `tab-${view.name}` }, view.title)]));
const help = helpDialog();
root.append(
  el("a", { class: "skip", href: "#main", onclick: (event: Event) => { event.preventDefault(); main().focus(); } }, "Skip to the view"),
  el("header", { class: "top" },
    el("h1", {}, el("img", { src: "./icon.svg", alt: "", width: 22, height: 22 }), el("span", {}, "riffkit studio")),
    el("nav", { "aria-label": "Views" }, [...tabs.values()]),
    statusLine(health, app.connected, app.jobs),
    el("button", { type: "button", class: "button quiet small keys", "aria-label": "Keys", title: "Keys (?)", onclick: () => help.showModal() }, "?"),
  ),
  el("main", { id: "main", tabindex: -1 }, [...sections.values()]),
  messages.element,
  transport.element,
  help,
);

function main(): HTMLElement {
  return document.querySelector<HTMLElement>("#main")!;
}

function show(name: ViewName): void {
  const view = VIEWS.find((v) => v.name === name)!;
  for (const [other, section] of sections) {
    if (other !== name && !section.hidden) mounted.get(other)?.hidden?.();
    section.hidden = other !== name;
    if (other === name) tabs.get(other)!.setAttribute("aria-current", "page");
    else tabs.get(other)!.removeAttribute("aria-current");
  }
  if (!mounted.has(name)) mounted.set(name, view.mount(sections.get(name)!, app) ?? {});
  mounted.get(name)!.shown?.();
  document.title = `${view.title} – riffkit studio`;
  scrollTo(0, 0);
}

function remember(): void {
  const hash = hashOf({ view: app.view.get(), clip: app.selected.get()?.id ?? null });
  if (location.hash === hash) return;
  const sameView = placeOf(location.hash)?.view === app.view.get();
  history[sameView ? "replaceState" : "pushState"](null, "", hash);
}

async function goTo(hash: string): Promise<void> {
  const place = placeOf(hash);
  if (!place) return;
  app.view.set(place.view);
  if (place.clip && place.clip !== app.selected.get()?.id) {
    await app.clip(place.clip).then((clip) => app.selected.set(clip), () => {});
  }
  remember();
}

addEventListener("hashchange", () => void goTo(location.hash));
app.connected.on((now) => now && messages.forget(UNREACHED));
api.onSignedOut = () => void asked(api, root).then(() => app.start());
listenForDrops(app, (files) => open().drop?.(files) ?? false);
listenToKeys(app, transport, open, () => help.showModal());
Object.assign(window, { riffkit: { app, health, schedule, readWav } });

async function begin(): Promise<void> {
  await signedIn(api, root);
  const place = placeOf(location.hash);
  if (place) app.view.set(place.view);
  app.view.on(show, { now: true });
  if (place?.clip) await app.clip(place.clip).then((clip) => app.selected.set(clip), () => {});
  app.view.on(remember);
  app.selected.on(remember, { now: true });
  app.follow();
}
void begin();
