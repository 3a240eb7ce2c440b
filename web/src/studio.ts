// The App: the server's jobs and clips as the page knows them, and the choices of its user.

import type { Api, Clip, Job, ServerEvent, Task } from "./api";
import type { App, ViewName } from "./app";
import { Engine, meterOf } from "./engine";
import { signal, type Signal } from "./state";

const UNDO_MS = 6000;
const OVER = ["done", "failed", "cancelled"];

export interface Studio extends App {
  /** Reads everything from the server; again after each lost connection. */
  start(): Promise<void>;
  /** Begins to follow the server's events. */
  follow(): void;
}

export function makeStudio(api: Api, say: App["say"]): Studio {
  const engine = new Engine((url) => api.bytes(url), meters(api));
  const clips = signal<Clip[]>([]);
  const jobs = signal<Job[]>([]);
  const selected = signal<Clip | null>(null);
  const view = signal<ViewName>("make");
  const connected = signal(false);
  const tasks = signal<Task[]>([]);
  const shownJob = signal<string | null>(null);
  const settings = signal<Job | null>(null);
  const listeners = new Set<(event: ServerEvent) => void>();
  const discards = new Set<(id: string, gone: boolean) => void>();
  const discarding = new Map<string, { clip: Clip; timer: number }>();
  const fetching = new Set<string>();
  const cancelling = new Set<string>();

  const putClip = (clip: Clip) => {
    if (discarding.has(clip.id)) return;
    put(clips, clip);
    if (selected.get()?.id === clip.id) selected.set(clip);
    const job = jobs.get().find((j) => j.id === clip.job);
    if (job) put(jobs, { ...job, clips: byIndex([...job.clips.filter((c) => c.id !== clip.id), clip]) });
  };
  const dropClip = (id: string) => {
    const { clip } = engine.run.get() ?? {};
    if (clip?.id === id) engine.stop();
    clips.update((known) => known.filter((c) => c.id !== id));
    jobs.update((known) => known.map((j) => (j.clips.some((c) => c.id === id) ? { ...j, clips: j.clips.filter((c) => c.id !== id) } : j)));
    if (selected.get()?.id === id) selected.set(null);
  };
  const putJob = (job: Job) => {
    const left = job.clips.filter((c) => !discarding.has(c.id));
    put(jobs, { ...job, clips: byIndex(left) });
  };
  const refresh = async (id: string) => {
    if (fetching.has(id)) return;
    fetching.add(id);
    try {
      putJob(await api.job(id));
    } catch {
      // removed meanwhile, or the connection is lost: `start` reads it again
    } finally {
      fetching.delete(id);
    }
  };

  const take = (event: ServerEvent) => {
    if (event.name === "removed") dropClip(event.clip);
    else {
      const job = jobs.get().find((j) => j.id === event.job);
      if (!job) void refresh(event.job);
      else if (event.name === "started") put(jobs, { ...job, state: "running", position: null });
      else if (event.name === "queued") put(jobs, { ...job, state: "queued", position: event.position });
      else if (event.name === "progress") {
        const { clip, step, steps } = event;
        put(jobs, { ...job, state: "running", position: null, clip, step, steps });
      } else if (event.name === "failed") put(jobs, { ...job, state: "failed", error: event.error });
      else if (event.name === "cancelled") put(jobs, { ...job, state: "cancelled" });
      else if (event.name === "done") put(jobs, { ...job, state: "done", notes: event.notes });
      if (event.name === "clip") putClip(event.clip);
      if (OVER.includes(event.name)) void refresh(event.job);
    }
    for (const told of [...listeners]) told(event);
  };

  // a brace that fits one clip doesn't fit another of other bars
  let grid = "";
  selected.on((clip) => {
    if (!clip) return;
    const next = `${clip.bpm} ${clip.beats} ${clip.beats_per_bar} ${clip.bpm ? "" : clip.seconds}`;
    if (next !== grid) engine.brace.set(null);
    grid = next;
  });
  // what rests isn't what Play starts when another clip was chosen
  selected.on((clip) => {
    const resting = engine.playing.get() ? null : engine.run.get()?.clip;
    if (resting && resting.id !== clip?.id) engine.forget();
  });
  addEventListener("pagehide", () => {
    for (const id of discarding.keys()) void fetch(`api/clips/${id}`, { method: "DELETE", keepalive: true });
  });

  const studio: Studio = {
    api, engine, clips, jobs, selected, view, connected, tasks, shownJob, settings, theme: themeSignal(), say,
    open(name, clip) {
      if (clip) selected.set(clip);
      view.set(name);
    },
    async submit(task, request, inputs, count = 1, model) {
      const job = await api.submit({ task, request, inputs: inputs ?? {}, count, model });
      putJob(job);
      return job;
    },
    whenDone(id) {
      return new Promise((resolve) => {
        const look = () => {
          const job = jobs.get().find((j) => j.id === id);
          if (!job || !OVER.includes(job.state)) return;
          off();
          resolve(job);
        };
        const off = jobs.on(look);
        look();
      });
    },
    cancel({ id }) {
      const tell = () => jobs.update((known) => known.map((j) => (j.id === id ? { ...j } : j)));
      cancelling.add(id);
      tell();
      api.cancel(id).then(
        (job) => OVER.includes(job.state) && putJob(job),
        (error: Error) => {
          cancelling.delete(id);
          tell();
          say(error.message, "error");
        },
      );
    },
    isCancelling: (job) => cancelling.has(job.id) && !OVER.includes(job.state),
    onEvent(told) {
      listeners.add(told);
      return () => listeners.delete(told);
    },
    async clip(id) {
      const known = clips.get().find((c) => c.id === id);
      if (known) return known;
      const clip = await api.clip(id);
      putClip(clip);
      return clip;
    },
    async keep(clip, kept) {
      putClip(await api.changeClip(clip.id, { kept }));
    },
    async rename(clip, title) {
      putClip(await api.changeClip(clip.id, { title }));
    },
    async useSettings(clip) {
      if (!clip.job) return say("This clip's settings aren't known here; its recipe can be downloaded.");
      try {
        settings.set(jobs.get().find((j) => j.id === clip.job) ?? (await api.job(clip.job)));
        view.set("make");
      } catch (error) {
        say((error as Error).message, "error");
      }
    },
    discard(clip) {
      const timer = setTimeout(() => {
        api.removeClip(clip.id).then(
          () => discarding.delete(clip.id),
          (error: Error) => {
            discarding.delete(clip.id);
            putClip(clip);
            say(error.message, "error");
          },
        );
      }, UNDO_MS);
      discarding.set(clip.id, { clip, timer });
      dropClip(clip.id);
      for (const told of discards) told(clip.id, true);
      say(`Discarded “${clip.title}”.`, "info", { label: "Undo", run: () => void studio.undiscard(clip.id) });
    },
    undiscard(id) {
      const last = id ?? [...discarding.keys()].pop();
      const waiting = last === undefined ? undefined : discarding.get(last);
      if (!waiting) return false;
      clearTimeout(waiting.timer);
      discarding.delete(waiting.clip.id);
      putClip(waiting.clip);
      for (const told of discards) told(waiting.clip.id, false);
      return true;
    },
    onDiscard(told) {
      discards.add(told);
      return () => discards.delete(told);
    },
    async playClip(clip) {
      selected.set(clip);
      engine.wake(clip.sample_rate);
      try {
        await engine.switchTo(await engine.clipRun(clip));
      } catch (error) {
        say((error as Error).message, "error");
      }
    },
    seek(clip, seconds) {
      if (engine.run.get()?.clip?.id === clip.id) return engine.seek(seconds);
      selected.set(clip);
      engine.clipRun(clip).then(
        (run) => (engine.playing.get() ? void engine.play(run, seconds) : engine.cue(run, seconds)),
        (error: Error) => say(error.message, "error"),
      );
    },
    async start() {
      if (!tasks.get().length) tasks.set(await api.tasks());
      const [some, all] = await Promise.all([api.clips({ limit: 60 }), api.jobs({ limit: 40 })]);
      const here = new Map(some.clips.map((c) => [c.id, c]));
      const older = clips.get().filter((c) => !here.has(c.id) && some.more);
      clips.set([...here.values(), ...older].filter((c) => !discarding.has(c.id)));
      jobs.set(all.map((j) => ({ ...j, clips: byIndex(j.clips.filter((c) => !discarding.has(c.id))) })));
      if (shownJob.get() === null) {
        const made = all.filter((j) => j.task !== "import");
        const running = made.find((j) => !OVER.includes(j.state));
        const latest = made[0];
        shownJob.set(running?.id ?? selected.get()?.job ?? latest?.id ?? null);
        if (!selected.get() && latest?.clips.length) selected.set(byIndex(latest.clips)[0]!);
      }
    },
    follow() {
      api.events(take, (now) => {
        connected.set(now);
        if (now) studio.start().catch((error: Error) => say(error.message, "error"));
      });
    },
  };
  return studio;
}

/** Where clips' bars are. Only an image that isn't the sound's whole beats may begin before it. */
function meters(api: Api): Engine["meter"] {
  const leads = new Map<string, number>();
  return async (clip) => {
    if (clip.bpm && !clip.whole_beats && !leads.has(clip.id)) {
      await api.axes(clip.id).then((axes) => leads.set(clip.id, axes.lead_seconds), () => {});
    }
    return meterOf(clip, leads.get(clip.id));
  };
}

function put<T extends { id: string }>(list: Signal<T[]>, item: T): void {
  const known = list.get();
  const at = known.findIndex((other) => other.id === item.id);
  list.set(at < 0 ? [item, ...known] : known.with(at, item));
}

function byIndex(clips: Clip[]): Clip[] {
  return [...clips].sort((a, b) => a.index - b.index);
}

function themeSignal(): Signal<"dark" | "light"> {
  const light = matchMedia("(prefers-color-scheme: light)");
  const theme = signal<"dark" | "light">(light.matches ? "light" : "dark");
  light.addEventListener("change", () => theme.set(light.matches ? "light" : "dark"));
  return theme;
}
