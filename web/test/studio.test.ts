import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Api, Clip, Health, Job } from "../src/api";
import type { Run } from "../src/engine";
import { wordsOf } from "../src/status";
import { makeStudio } from "../src/studio";

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {} }));
  vi.stubGlobal("addEventListener", () => {});
});

afterEach(() => vi.unstubAllGlobals());

const clip = (id: string, values: Partial<Clip> = {}) =>
  ({ id, bpm: 120, beats: 8, beats_per_bar: 4, seconds: 4, whole_beats: true, ...values }) as Clip;

const runOf = (of: Clip): Run =>
  ({ owner: "clip", clip: of, meter: { bpm: 120, beatsPerBar: 4 }, length: 4, sources: [] });

test("bars lie where the image has them, which is asked for where it may begin before the sound", async () => {
  const asked: string[] = [];
  const axes = (id: string) => {
    asked.push(id);
    return id === "gone" ? Promise.reject(new Error("gone")) : Promise.resolve({ lead_seconds: 1.2 });
  };
  const { engine } = makeStudio({ axes } as unknown as Api, () => {});
  expect(await engine.meter(clip("a"))).toEqual({ bpm: 120, beatsPerBar: 4, lead: 0 });
  const imported = clip("b", { whole_beats: false });
  expect(await engine.meter(imported)).toEqual({ bpm: 120, beatsPerBar: 4, lead: 1.2 });
  await engine.meter(imported);
  expect(await engine.meter(clip("gone", { whole_beats: false }))).toMatchObject({ lead: 0 });
  expect(asked).toEqual(["b", "gone"]);
});

test("a run that rests is forgotten where another clip is chosen", () => {
  const { engine, selected } = makeStudio({} as Api, () => {});
  const [base, kept] = [clip("base"), clip("kept")];
  selected.set(kept);
  engine.cue(runOf(kept), 1.5);
  selected.set({ ...kept, kept: true });
  expect(engine.position()).toBe(1.5);
  selected.set(base); // as undoing "Keep" does
  expect([engine.run.get(), engine.position()]).toEqual([null, 0]);
});

test("a job that is cancelled says so before the server does, and no longer where it is refused", async () => {
  let refuse!: (error: Error) => void;
  const cancel = () => new Promise<Job>((_, reject) => (refuse = reject));
  const said: string[] = [];
  const studio = makeStudio({ cancel } as unknown as Api, (text) => said.push(text));
  const job = { id: "a", state: "queued", clips: [] as Clip[] } as Job;
  studio.jobs.set([job]);
  const seen: boolean[] = [];
  studio.jobs.on(([now]) => seen.push(studio.isCancelling(now!)));
  studio.cancel(job);
  refuse(new Error("It can't be."));
  await vi.waitFor(() => expect(said).toEqual(["It can't be."]));
  expect(seen).toEqual([true, false]);
});

test("a cancelled job is over as soon as the server answers", async () => {
  const job = { id: "a", state: "queued", clips: [] as Clip[] } as Job;
  const cancel = () => Promise.resolve({ ...job, state: "cancelled" } as Job);
  const studio = makeStudio({ cancel } as unknown as Api, () => {});
  studio.jobs.set([job]);
  studio.cancel(job);
  const over = await studio.whenDone("a");
  expect([over.state, studio.isCancelling(over)]).toEqual(["cancelled", false]);
});

test("after a reload the job that runs is shown, not the chosen clip's", async () => {
  const jobs = ["queued", "running", "done"].map((state, k) => ({ id: state, task: k ? "generate" : "import", state, clips: [] as Clip[] }));
  const api = { tasks: async () => [], clips: async () => ({ clips: [], more: false }), jobs: async () => jobs };
  const studio = makeStudio(api as unknown as Api, () => {});
  studio.selected.set(clip("a", { job: "done" }));
  await studio.start();
  expect(studio.shownJob.get()).toBe("running");
});

test("the header says that it paints", () => {
  const health = { status: "ok", model: { name: "mini" }, device: "cpu" } as Health;
  expect(wordsOf(health, true, true)[1]).toBe("mini is painting · cpu");
  expect(wordsOf(health, true, false)[1]).toBe("mini is ready · cpu");
});
