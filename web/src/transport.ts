// The transport: play, loop, place and volume, and the chosen clip. It is on every view.

import type { App } from "./app";
import { downloadMenu, openings } from "./clip_actions";
import { el, icon } from "./dom";
import { meterOf, type Run } from "./engine";
import { factsOf, positionIn, secondsOf } from "./format";
import { heardOf } from "./heard";
import { menu } from "./menu";
import { beatSeconds, type Meter, neighbor, snap } from "./schedule";

export interface Transport {
  element: HTMLElement;
  toggle(): void;
  move(by: "beat" | "bar", direction: 1 | -1): void;
  braceAt(end: "start" | "end"): void;
}

export function makeTransport(app: App, viewPlays: () => (() => void | Promise<void>) | undefined): Transport {
  const { engine, selected } = app;
  /** A run that rested when another clip was chosen. */
  let passed: Run | null = null;
  const heard = () => heardOf(engine.run.get(), engine.playing.get(), passed, selected.get());
  let chosen: Meter | null = null; // the chosen clip's

  const meterNow = () => heard().run?.meter ?? chosen;
  const toggle = () => {
    if (engine.playing.get()) return engine.pause();
    const own = viewPlays();
    if (own) return void own();
    const { run, clip } = heard();
    if (run) void engine.resume();
    else if (clip) void app.playClip(clip);
    else app.say("Make a clip first, or choose one in the Library.");
  };
  const move = (by: "beat" | "bar", direction: 1 | -1) => {
    const { run, clip } = heard();
    const meter = meterNow();
    if (!meter) return;
    const now = run ? engine.position() : 0;
    const place = neighbor(now, meter, by, direction, run?.length ?? clip?.seconds ?? 0);
    if (run) engine.seek(place);
    else if (clip) app.seek(clip, place);
  };
  const braceAt = (end: "start" | "end") => {
    const clip = selected.get();
    const run = engine.run.get();
    if (!clip || run?.clip?.id !== clip.id) return;
    const old = engine.brace.get() ?? { start: 0, end: clip.seconds };
    const at = snap(engine.position(), run.meter, clip.seconds);
    const beat = beatSeconds(run.meter) ?? 0.1;
    if (end === "start") engine.brace.set({ start: at, end: Math.min(clip.seconds, Math.max(old.end, at + beat)) });
    else engine.brace.set({ start: Math.max(0, Math.min(old.start, at - beat)), end: at });
  };

  const play = el("button", { type: "button", class: "icon-button play", "data-testid": "play", onclick: toggle });
  const loop = el("button", { type: "button", class: "icon-button", "aria-label": "Loop", title: "Loop (L)", "data-testid": "loop", onclick: () => engine.loop.update((on) => !on) }, icon("loop"));
  const bars = el("span", { class: "bars mono", "data-testid": "position" });
  const seconds = el("span", { class: "seconds mono muted" });
  const title = el("span", { class: "clip-title", "data-testid": "chosen" });
  const facts = el("span", { class: "clip-facts muted small" });
  const brace = el("span", { class: "small mono" });
  const clear = el("button", { type: "button", class: "icon-button quiet small", "aria-label": "Loop the whole clip", title: "Loop the whole clip (\\)", onclick: () => engine.brace.set(null) }, icon("close"));
  const braced = el("span", { class: "braced", hidden: true }, brace, clear);
  const volume = el("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Volume", "data-testid": "volume" });
  volume.value = String(engine.volume.get());
  volume.addEventListener("input", () => engine.volume.set(Number(volume.value)));
  const openIn = menu({ label: "Open in", text: "Open in", small: false, testid: "open-in", items: () => (heard().clip ? openings(app, heard().clip!) : []) });
  const actions = el("div", { class: "actions" }, openIn, downloadMenu(app, () => heard().clip));

  const element = el(
    "section", { class: "transport", "aria-label": "Transport" },
    el("div", { class: "controls" },
      play, loop,
      el("div", { class: "place", role: "timer", "aria-label": "Position" }, bars, seconds),
    ),
    el("div", { class: "chosen" }, title, el("span", { class: "row" }, facts, braced)),
    actions,
    el("label", { class: "volume", title: "Volume" }, icon("volume"), volume),
  );

  const clock = (at: number) => {
    const { run, clip } = heard();
    const meter = meterNow();
    const length = run?.length ?? clip?.seconds ?? 0;
    const position = run ? at : 0;
    bars.textContent = meter?.bpm ? positionIn(meter, position) : "–";
    seconds.textContent = `${secondsOf(position)} / ${secondsOf(length)}`;
  };
  const buttons = () => {
    const on = engine.playing.get();
    play.replaceChildren(icon(on ? "pause" : "play"));
    play.querySelector("svg")!.classList.add("solid");
    play.setAttribute("aria-label", on ? "Pause" : "Play");
    play.title = `${on ? "Pause" : "Play"} (Space)`;
    loop.setAttribute("aria-pressed", String(engine.loop.get()));
  };
  const named = () => {
    const { run, clip } = heard();
    const bpm = run?.meter.bpm;
    title.textContent = clip?.title ?? run?.title ?? "No clip yet";
    facts.textContent = clip ? factsOf(clip) : bpm ? `${Number(bpm.toFixed(1))} BPM` : "";
    const span = engine.brace.get();
    braced.hidden = !span || !clip;
    const meter = meterNow();
    if (span && meter) brace.textContent = `loop ${placed(meter, span.start)}–${placed(meter, span.end)}`;
    actions.hidden = !clip;
    clock(engine.position());
  };
  engine.onTick(clock);
  engine.playing.on(buttons, { now: true });
  engine.playing.on((on) => {
    if (on) passed = null;
    named();
  });
  engine.loop.on(buttons);
  engine.brace.on(named);
  engine.run.on(named);
  let last = selected.get()?.id;
  selected.on((clip) => {
    if (clip?.id !== last && !engine.playing.get()) passed = engine.run.get();
    last = clip?.id;
    chosen = clip && meterOf(clip);
    named();
    if (clip) void engine.meter(clip).then((meter) => {
      if (selected.get()?.id !== clip.id) return;
      chosen = meter;
      named();
    });
  }, { now: true });
  return { element, toggle, move, braceAt };
}

/** Bar and beat without hundredths where it is on a beat. */
function placed(meter: Meter, seconds: number): string {
  return positionIn(meter, seconds + 1e-4).replace(/\.00$/, "");
}
