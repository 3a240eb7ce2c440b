// The App: the server's jobs and clips as the page knows them, and the choices of its user.

import type { Api, Clip, Job, ServerEvent, Task } from "./api";
import type { App, Kind, ViewName } from "./app";
import { Engine } from "./engine";
import { signal } from "./state";

export function makeApp(api: Api, say: App["say"]): App & { start(): Promise<void> } {
  const engine = new Engine((url) => api.bytes(url));
  const clips = signal<Clip[]>([]);
  const jobs = signal<Job[]>([]);
  const selected = signal<Clip | null>(null);
  const view = signal<ViewName>("make");
  const connected = signal(false);
  const tasks = signal<Task[]>([]);
  const listeners = new Set<(event: ServerEvent) => void>();
  const dark = matchMedia("(prefers-color-scheme: light)");
  const theme = signal<"dark" | "light">(dark.matches ? "light" : "dark");
  dark.addEventListener("change", () => theme.set(dark.matches ? "light" : "dark"));

  const putClip = (clip: Clip) => {
    const known = clips.get();
    const at = known.findIndex((c) => c.id === clip.id);
    clips.set(at < 0 ? [clip, ...known] : known.with(at, clip));
    if (selected.get()?.id === clip.id) selected.set(clip);
  };
  const dropClip = (id: string) => {
    clips.set(clips.get().filter((c) => c.id !== id));
    if (selected.get()?.id === id) selected.set(null);
  };
  const putJob = (job: Job) => {
    const known = jobs.get();
    const at = known.findIndex((j) => j.id === job.id);
    jobs.set(at < 0 ? [job, ...known] : known.with(at, job));
  };
  const changeJob = (id: string, change: (job: Job) => Job) => {
    const job = jobs.get().find((j) => j.id === id);
    if (job) putJob(change(job));
    else void api.job(id).then(putJob, () => {});
  };

  const take = (event: ServerEvent) => {
    if (event.name === "removed") dropClip(event.clip);
    else if (event.name === "clip") {
      putClip(event.clip);
      changeJob(event.job, (job) => ({
        ...job, clips: [...job.clips.filter((c) => c.id !== event.clip.id), event.clip],
      }));
    } else if (event.name === "progress") {
      changeJob(event.job, (job) => ({
        ...job, state: "running", clip: event.clip, step: event.step, steps: event.steps,
      }));
    } else if (event.name !== "preview") {
      void api.job(event.job).then(putJob, () => {});
    }
    for (const told of [...listeners]) told(event);
  };

  const app = {
    api, engine, clips, jobs, selected, view, connected, tasks, theme, say,
    open(name: ViewName, clip?: Clip) {
      if (clip) selected.set(clip);
      view.set(name);
    },
    async submit(task: string, request: object, inputs?: Record<string, string>, count = 1) {
      const job = await api.submit({ task, request: { ...request }, inputs: inputs ?? {}, count });
      putJob(job);
      return job;
    },
    whenDone(id: string): Promise<Job> {
      return new Promise((resolve) => {
        const over = (job: Job | undefined) =>
          job !== undefined && ["done", "failed", "cancelled"].includes(job.state);
        const off = jobs.on(() => {
          const job = jobs.get().find((j) => j.id === id);
          if (!over(job)) return;
          queueMicrotask(() => off());
          resolve(job!);
        }, { now: true });
      });
    },
    onEvent(told: (event: ServerEvent) => void) {
      listeners.add(told);
      return () => listeners.delete(told);
    },
    async clip(id: string) {
      const known = clips.get().find((c) => c.id === id);
      if (known) return known;
      const clip = await api.clip(id);
      putClip(clip);
      return clip;
    },
    async keep(clip: Clip, kept: boolean) {
      putClip(await api.changeClip(clip.id, { kept }));
    },
    discard(clip: Clip) {
      const removing = setTimeout(() => {
        api.removeClip(clip.id).catch((error: Error) => say(error.message, "error"));
      }, 6000);
      dropClip(clip.id);
      say(`Discarded “${clip.title}”.`, "info" as Kind, {
        label: "Undo",
        run() {
          clearTimeout(removing);
          putClip(clip);
        },
      });
    },
    async playClip(clip: Clip) {
      selected.set(clip);
      try {
        await engine.switchTo(await engine.clipRun(clip));
      } catch (error) {
        say((error as Error).message, "error");
      }
    },
    seek(clip: Clip, seconds: number) {
      if (engine.run.get()?.clip?.id === clip.id) return engine.seek(seconds);
      selected.set(clip);
      engine.clipRun(clip).then(
        (run) => (engine.playing.get() ? void engine.play(run, seconds) : engine.cue(run, seconds)),
        (error: Error) => say(error.message, "error"),
      );
    },
    async start() {
      tasks.set(await api.tasks());
      const [some, all] = await Promise.all([api.clips({ limit: 60 }), api.jobs({ limit: 30 })]);
      clips.set(some.clips);
      jobs.set(all);
    },
  };
  api.events(take, (now) => {
    const before = connected.get();
    connected.set(now);
    if (now && !before) void app.start().catch((error: Error) => say(error.message, "error"));
  });
  return app;
}
