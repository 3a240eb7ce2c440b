// The page: the views' tabs, the transport, messages.

import "./style.css";
import { Api } from "./api";
import type { Mounted, View, ViewName } from "./app";
import { el } from "./dom";
import { listenForDrops } from "./drop/panel";
import * as schedule from "./schedule";
import { makeApp } from "./studio";
import { readWav } from "./wav";
import { view as library } from "./views/library";
import { view as make } from "./views/make";
import { view as notes } from "./views/notes";
import { view as paint } from "./views/paint";
import { view as station } from "./views/station";
import { view as story } from "./views/story";

const VIEWS: View[] = [make, paint, notes, story, station, library];

const messages = el("div", { class: "messages", "aria-live": "polite" });
const app = makeApp(new Api(), (text) => messages.append(el("p", {}, text)));
const sections = new Map(VIEWS.map((v) => [v.name, el("section", { class: `view ${v.name}`, hidden: true })]));
const mounted = new Map<ViewName, Mounted>();
document.querySelector("#app")!.append(
  el("nav", {}, VIEWS.map((v) => el("a", { href: `#${v.name}` }, v.title))),
  el("main", {}, [...sections.values()]),
  messages,
);
app.view.on((name) => {
  for (const [other, section] of sections) section.hidden = other !== name;
  const view = VIEWS.find((v) => v.name === name)!;
  if (!mounted.has(name)) mounted.set(name, view.mount(sections.get(name)!, app) ?? {});
  mounted.get(name)!.shown?.();
}, { now: true });
addEventListener("hashchange", () => {
  const name = location.hash.slice(1) as ViewName;
  if (sections.has(name)) app.view.set(name);
});
listenForDrops(app, (files) => mounted.get(app.view.get())?.drop?.(files) ?? false);

Object.assign(window, { riffkit: { app, schedule, readWav } });
