import { afterEach, expect, test, vi } from "vitest";
import { Api, ApiError, clipUrl, eventOf, eventsOf, type ServerEvent } from "../src/api";

afterEach(() => vi.unstubAllGlobals());

function streamOf(...parts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
}

async function all(stream: ReadableStream<Uint8Array>): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of eventsOf(stream)) events.push(event);
  return events;
}

test("events may be cut anywhere, and comments are passed over", async () => {
  const events = await all(streamOf(
    ': \n\nid: 7\nevent: star', 'ted\ndata: {"job": "a"}\n', '\nid: 8\r\nevent: failed\r\ndata: {"job": "a",\r\ndata: "error": "é"}\r\n\r\n',
  ));
  expect(events).toEqual([{ id: 7, name: "started", job: "a" }, { id: 8, name: "failed", job: "a", error: "é" }]);
});

test("a block without an id or data is no event", () => {
  expect(eventOf("event: done\ndata: {}")).toBeNull();
  expect(eventOf("id: 3\nevent: done")).toBeNull();
});

test("a lost stream is taken up again after the last event", async () => {
  vi.useFakeTimers();
  const asked: (string | null)[] = [];
  const bodies = ['id: 5\nevent: started\ndata: {"job": "a"}\n\n', 'id: 6\nevent: started\ndata: {"job": "b"}\n\n'];
  vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
    asked.push(new Headers(init.headers).get("Last-Event-ID"));
    const body = bodies.shift();
    if (!body) return new Promise<Response>(() => {});
    return new Response(streamOf(body), { status: 200 });
  });
  const told: number[] = [];
  const states: boolean[] = [];
  const off = new Api().events((event) => told.push(event.id), (on) => states.push(on));
  await vi.advanceTimersByTimeAsync(1500);
  await vi.advanceTimersByTimeAsync(3000);
  off();
  vi.useRealTimers();
  expect(asked).toEqual([null, "5", "6"]);
  expect(told).toEqual([5, 6]);
  expect(states).toEqual([true, false, true, false]);
});

test("the server's sentence is the error", async () => {
  vi.stubGlobal("fetch", async () => new Response('{"error": "bpm=900: must be 20 to 400"}', { status: 422 }));
  await expect(new Api().submit({ task: "generate" })).rejects.toMatchObject({ message: "bpm=900: must be 20 to 400", status: 422 });
});

test("no connection and answers of others are said in words, too", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502 }));
  await expect(new Api().health()).rejects.toThrow("The server answered 502.");
  vi.stubGlobal("fetch", async () => { throw new TypeError("Failed to fetch"); });
  await expect(new Api().health()).rejects.toThrow(ApiError);
});

test("who isn't signed in is asked for the token", async () => {
  vi.stubGlobal("fetch", async () => new Response('{"error": "sign in"}', { status: 401 }));
  const api = new Api();
  let asked = 0;
  api.onSignedOut = () => asked++;
  await expect(api.tasks()).rejects.toThrow();
  await expect(api.login("wrong")).rejects.toThrow();
  expect(asked).toBe(1);
});

test("addresses of files", () => {
  expect(clipUrl("abc", "wav")).toBe("api/clips/abc.wav");
  expect(clipUrl("abc", "mp3", { bpm: 90, transpose: -2, download: true })).toBe("api/clips/abc.mp3?bpm=90&transpose=-2&download=1");
  expect(clipUrl("abc", "wav", { transpose: 0 })).toBe("api/clips/abc.wav");
});
