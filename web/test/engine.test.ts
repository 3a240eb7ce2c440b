import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Clip } from "../src/api";
import { Engine, type Run } from "../src/engine";

const RATE = 44100;
const LATENCY = 0.1;

/** What was told to the audio thread: which buffers sound at a time of its clock. */
const nodes: Node[] = [];

class Node {
  buffer: AudioBuffer | null = null;
  loop = false;
  loopStart = 0;
  loopEnd = 0;
  begins = Infinity;
  offset = 0;
  ends = Infinity;
  onended: (() => void) | null = null;
  connect<T>(to: T): T {
    return to;
  }
  start(at: number, offset = 0): void {
    this.begins = at;
    this.offset = offset;
  }
  stop(at = 0): void {
    this.ends = at;
  }
}

class Gain {
  gain = { value: 1, setTargetAtTime() {}, setValueAtTime() {}, linearRampToValueAtTime() {} };
  connect<T>(to: T): T {
    return to;
  }
  disconnect(): void {}
}

class Context {
  readonly state = "running";
  readonly outputLatency = LATENCY;
  readonly destination = {};
  readonly sampleRate = RATE;
  get currentTime(): number {
    return performance.now() / 1000;
  }
  createGain(): Gain {
    return new Gain();
  }
  createBufferSource(): Node {
    const node = new Node();
    nodes.push(node);
    return node;
  }
}

function bufferOf(name: string): AudioBuffer {
  return { name, sampleRate: RATE, duration: 4, length: 4 * RATE, numberOfChannels: 1 } as unknown as AudioBuffer;
}

/** Two bars at 120 BPM, of one source. */
function run(name: string): Run {
  const sources = [{ id: name, buffer: bufferOf(name) }];
  return { owner: name, clip: null, meter: { bpm: 120, beatsPerBar: 4 }, length: 4, sources };
}

const now = () => performance.now() / 1000;
const sounding = (at: number) =>
  nodes.filter((n) => n.begins <= at && at < n.ends).map((n) => (n.buffer as unknown as { name: string }).name);
const until = (at: number) => vi.advanceTimersByTime((at - now()) * 1000);

const unused = () => Promise.reject(new Error("no server"));

let engine: Engine;
/** A's second downbeat, at which B takes over. */
let downbeat: number;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", Context);
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => setTimeout(frame, 16));
  nodes.length = 0;
  engine = new Engine(unused, unused);
  await engine.play(run("A"));
  vi.advanceTimersByTime(500);
  await engine.switchTo(run("B"));
  downbeat = nodes[1]!.begins;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a run takes over on the downbeat, and what was to is taken back before it", async () => {
  expect(downbeat).toBeCloseTo(2.03, 3);
  expect(sounding(downbeat - 0.01)).toEqual(["A"]);
  expect(sounding(downbeat + 0.01)).toEqual(["B"]);
  until(downbeat - 1);
  await engine.switchTo(run("C"));
  expect(sounding(downbeat - 0.01)).toEqual(["A"]);
  expect(sounding(downbeat + 0.01)).toEqual(["C"]);
});

// from shortly before its downbeat until it is heard, B sounds by the clock and A by the ear
describe.each([-0.01, 0.03])("%d s after B's downbeat", (after) => {
  beforeEach(() => until(downbeat + after));

  test("a third run takes over from it, and can be stopped", async () => {
    await engine.switchTo(run("C"));
    expect(sounding(downbeat + 1)).toEqual(["B"]);
    expect(sounding(downbeat + 5)).toEqual(["C"]);
    until(downbeat + 3);
    expect(engine.run.get()!.owner).toBe("C");
    engine.stop();
    expect(sounding(now() + 1)).toEqual([]);
  });

  test("play, stop and pause silence all", async () => {
    await engine.play(run("C"));
    expect(sounding(now() + 1)).toEqual(["C"]);
    engine.pause();
    expect(sounding(now() + 1)).toEqual([]);
  });

  test("a pause keeps the place in the run that goes on", async () => {
    engine.pause();
    expect(engine.run.get()!.owner).toBe("B");
    expect(engine.position()).toBeCloseTo(2, 3);
    expect(sounding(now() + 1)).toEqual([]);
  });

  test("the loop switch is B's", () => {
    engine.loop.set(false);
    expect(nodes.map((n) => n.loop)).toEqual([true, false]);
  });

  test("what joins or leaves A sounds no longer than A", () => {
    engine.addSource({ id: "drums", buffer: bufferOf("drums") });
    engine.removeSource("A");
    expect(sounding(downbeat + 3)).toEqual(["B"]);
  });
});

describe("a switch that waits", () => {
  const heardNext = () => {
    until(now() + 4.2);
    return engine.run.get()!.owner;
  };

  test("comes when the brace changes, inside it or not", async () => {
    const [a, b] = [run("A"), run("B")];
    for (const [one, id] of [[a, "A"], [b, "B"]] as const) one.clip = { id } as Clip;
    for (const brace of [{ start: 0, end: 2 }, { start: 3, end: 4 }, null]) {
      await engine.play(a);
      until(now() + 0.5);
      await engine.switchTo(b);
      engine.brace.set(brace);
      await vi.advanceTimersByTimeAsync(0);
      expect(engine.next.get()).toBe(b);
      expect(heardNext()).toBe("B");
      expect(sounding(now())).toEqual(["B"]);
    }
  });

  test("comes after a jump to another place", async () => {
    engine.seek(3);
    await vi.advanceTimersByTimeAsync(0);
    expect(heardNext()).toBe("B");
    expect(sounding(now())).toEqual(["B"]);
  });
});

test("what joins a run goes on with it where the switch is taken back", () => {
  engine.addSource({ id: "drums", buffer: bufferOf("drums") });
  expect(sounding(downbeat + 1)).toEqual(["B"]);
  engine.brace.set({ start: 0, end: 4 });
  expect(sounding(downbeat + 1)).toEqual(["A", "drums"]);
});

test("a click while a run starts is where it starts", async () => {
  engine.pause();
  const resumed = engine.resume();
  engine.seek(3);
  await resumed;
  await vi.advanceTimersByTimeAsync(1);
  const last = nodes.at(-1)!;
  expect(last.offset).toBe(3);
  expect(sounding(now() + 0.2)).toHaveLength(1);
});

test("what was paused while it went to another place stays silent where one clicks", async () => {
  engine.seek(1);
  engine.pause();
  await vi.advanceTimersByTimeAsync(1);
  const before = nodes.length;
  engine.seek(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(nodes).toHaveLength(before);
  expect(engine.position()).toBe(2);
});
