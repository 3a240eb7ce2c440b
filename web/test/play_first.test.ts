import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Clip, Job } from "../src/api";
import { presentFirst } from "../src/play_first";
import { signal } from "../src/state";

const clip = { id: "a" } as Clip;
const job = (state: string, clips: Clip[]) => ({ id: "j", state, clips }) as Job;

function page(isPlaying: boolean) {
  const played: Clip[] = [];
  const app = {
    engine: { playing: signal(isPlaying) }, selected: signal<Clip | null>(null), jobs: signal([job("queued", [])]),
    playClip: async (one: Clip) => void played.push(one),
  };
  presentFirst(app as unknown as Parameters<typeof presentFirst>[0], "j");
  return { app, played };
}

describe("the first clip of a job", () => {
  const stored = new Map<string, string>();
  beforeEach(() => vi.stubGlobal("localStorage", { getItem: (name: string) => stored.get(name) ?? null }));
  afterEach(() => {
    vi.unstubAllGlobals();
    stored.clear();
  });

  it("plays once, as soon as it is there", () => {
    const { app, played } = page(false);
    app.jobs.set([job("running", [])]);
    expect(played).toEqual([]);
    app.jobs.set([job("running", [clip])]);
    app.jobs.set([job("done", [clip, { id: "b" } as Clip])]);
    expect(played).toEqual([clip]);
  });

  it("is only chosen where it isn't to play by itself", () => {
    stored.set("riffkit.play-first", "false");
    const { app, played } = page(false);
    app.jobs.set([job("done", [clip])]);
    expect([played, app.selected.get()]).toEqual([[], clip]);
  });

  it("leaves alone what plays", () => {
    const { app, played } = page(true);
    app.jobs.set([job("done", [clip])]);
    expect([played, app.selected.get()]).toEqual([[], null]);
  });

  it("may never come", () => {
    const { app, played } = page(false);
    app.jobs.set([job("failed", [])]);
    app.jobs.set([job("done", [clip])]);
    expect(played).toEqual([]);
  });
});
