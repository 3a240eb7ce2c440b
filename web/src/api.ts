// The server's interface, typed. Everything the page asks the server goes through `Api`.
//
//   const api = new Api();
//   const job = await api.submit({ task: "generate", request: { prompt: "lofi" }, count: 4 });
//   const off = api.events((event) => …, (connected) => …);   // goes on through lost connections
//
// Failures are ApiError: `message` is the server's one sentence, fit to be shown; `status` is the
// HTTP status, 0 where the server wasn't reached.

export type Words = Record<string, unknown>;

export type FieldType =
  | "integer" | "number" | "boolean" | "string" | "choice" | "span" | "strings"
  | "number_or_word" | "keyframes";

export interface Field {
  name: string;
  type: FieldType;
  help: string;
  default: unknown;
  least: number | null;
  most: number | null;
  choices: string[] | null;
  metavar: string | null;
  required: boolean;
  common: boolean;
  fields?: Field[];
}

export interface TaskInput {
  name: string;
  help: string;
  required: boolean;
  or_prompt: boolean;
  names: string[];
  kinds: ("audio" | "image" | "midi")[];
}

export interface Task {
  name: string;
  summary: string;
  count: Field | null;
  inputs: TaskInput[];
  fields: Field[];
}

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  id: string;
  task: string;
  title: string;
  state: JobState;
  position: number | null;
  created: string;
  started: string | null;
  finished: string | null;
  step: number;
  steps: number;
  clip: number;
  count: number;
  clips: Clip[];
  error: string | null;
  notes: string[];
  request: Words;
  inputs: Record<string, string>;
  model: string | null;
}

export interface Clip {
  id: string;
  title: string;
  prompt: string;
  task: string;
  job: string | null;
  index: number;
  created: string;
  seconds: number;
  sample_rate: number;
  bpm: number | null;
  beats: number | null;
  beats_per_bar: number;
  bars: number | null;
  key: string | null;
  loop: boolean;
  seed: number | null;
  model: string | null;
  notes: string[];
  kept: boolean;
  size: number;
  image: { width: number; height: number };
  stems: { n: number; name: string }[];
  has_score: boolean;
  whole_beats: boolean;
}

export interface Upload {
  id: string;
  name: string;
  kind: "audio" | "image" | "midi" | "mask";
  seconds: number | null;
  sample_rate: number | null;
  width: number | null;
  height: number | null;
  created: string;
}

export interface Axes {
  /** Centre of each row in Hz, top row first. */
  hz: number[];
  columns_per_beat: number | null;
  /** Column x is heard at x · seconds_per_column − lead_seconds. */
  seconds_per_column: number;
  lead_seconds: number;
  /** The level in dB of gray 0…255; 0 dB is black. */
  level_db: number[];
  transpose: number;
}

export interface Health {
  status: "ok" | "loading" | "failed";
  version: string;
  model: { name: string; ready: boolean; error: string | null };
  device: string;
  queue: { waiting: number; running: number; most: number };
  /** Why no job begins though some wait: the disk is full. */
  problem: string | null;
}

/** Score.to_dict() as the server sends it. */
export type Score = Words;
export interface ScoreOfClip { score: Score; chords: string; names: string[] }
export interface Composed extends ScoreOfClip { upload: Upload }

/** What clips can be exported to. */
export interface Exporter { kind: string; summary: string; endings: string[]; fields: Field[] }

export interface ClipQuery {
  q?: string; bpm_from?: number; bpm_to?: number; key?: string; task?: string; kept?: boolean;
  before?: string; limit?: number;
}

export interface Submission {
  task: string;
  request?: Words;
  inputs?: Record<string, string>;
  count?: number;
  model?: string;
}

export type ServerEvent = { id: number } & (
  | { name: "queued"; job: string; position: number }
  | { name: "started"; job: string }
  | { name: "progress"; job: string; clip: number; step: number; steps: number }
  | { name: "preview"; job: string; clip: number; image: string }
  | { name: "clip"; job: string; clip: Clip }
  | { name: "done"; job: string; notes: string[] }
  | { name: "failed"; job: string; error: string }
  | { name: "cancelled"; job: string }
  | { name: "removed"; job: null; clip: string }
);

export const UNREACHED = "The studio's server can't be reached. Is `riff studio` still running?";

export class ApiError extends Error {
  constructor(message: string, readonly status: number, readonly retryAfter: number | null = null) {
    super(message);
  }
}

export type SoundSuffix = "wav" | "flac" | "mp3" | "ogg";
export type ClipSuffix = SoundSuffix | "png" | "json" | "mid";

/** The address of a clip's file. `bpm` and `transpose` (semitones) decode it anew (sound only). */
export function clipUrl(
  id: string,
  suffix: ClipSuffix,
  how: { bpm?: number; transpose?: number; download?: boolean } = {},
): string {
  const query = queryOf({
    bpm: how.bpm, transpose: how.transpose || undefined, download: how.download ? 1 : undefined,
  });
  return `api/clips/${id}.${suffix}${query}`;
}

export function stemUrl(id: string, n: number, suffix: "wav" | "png"): string {
  return `api/clips/${id}/stems/${n}.${suffix}`;
}

function queryOf(values: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  return query.size ? `?${query}` : "";
}

export class Api {
  /** Called where the server answers 401: the page then asks for the token. */
  onSignedOut: () => void = () => {};

  health = () => this.get<Health>("health");
  session = () => this.get<{ token_needed: boolean; signed_in: boolean }>("api/session");
  login = (token: string) => this.send<void>("POST", "api/login", { token });
  tasks = async () => (await this.get<{ tasks: Task[] }>("api/tasks")).tasks;
  models = () => this.get<{ models: { name: string; about: string }[]; current: string }>("api/models");
  words = (q: string) =>
    this.get<{ styles: string[]; instruments: string[]; moods: string[] }>(`api/words${queryOf({ q })}`);

  submit = (submission: Submission) => this.send<Job>("POST", "api/jobs", submission);
  jobs = async (query: { state?: JobState; limit?: number } = {}) =>
    (await this.get<{ jobs: Job[] }>(`api/jobs${queryOf(query)}`)).jobs;
  job = (id: string) => this.get<Job>(`api/jobs/${id}`);
  cancel = (id: string) => this.send<Job>("DELETE", `api/jobs/${id}`);

  clips = (query: ClipQuery = {}) =>
    this.get<{ clips: Clip[]; more: boolean }>(`api/clips${queryOf(query)}`);
  clip = (id: string) => this.get<Clip>(`api/clips/${id}`);
  changeClip = (id: string, change: { kept?: boolean; title?: string }) =>
    this.send<Clip>("PATCH", `api/clips/${id}`, change);
  removeClip = (id: string) => this.send<void>("DELETE", `api/clips/${id}`);
  again = (id: string, seed?: number) =>
    this.send<Job>("POST", `api/clips/${id}/again${queryOf({ seed })}`);
  axes = (id: string) => this.get<Axes>(`api/clips/${id}/axes`);
  score = (id: string) => this.get<ScoreOfClip>(`api/clips/${id}/score`);

  /** Sends a file. The reference to it in a job's inputs is `upload:ID`. */
  upload = (file: Blob, name: string) => {
    const body = new FormData();
    body.set("file", file, name);
    return this.call<Upload>("POST", "api/uploads", body);
  };
  compose = (fields: Words) => this.send<Composed>("POST", "api/scores", { compose: fields });
  /** What a MIDI upload plays. */
  uploadScore = (id: string) => this.get<ScoreOfClip>(`api/uploads/${id}/score`);
  putScore = (score: Score, title = "") => this.send<Composed>("POST", "api/scores", { score, title });
  script = (toml: string) =>
    this.call<{ request: Words; inputs: Record<string, string> }>("POST", "api/scripts", toml, "application/toml");

  exporters = async () => (await this.get<{ exporters: Exporter[] }>("api/exporters")).exporters;
  /** A clip as a file for another program, under the name to save it as. */
  async exported(id: string, kind: string, options: Words, ending?: AbortSignal): Promise<{ file: Blob; name: string }> {
    const response = await this.answer("GET", `api/clips/${id}/exports/${kind}${queryOf(options)}`, undefined, undefined, ending);
    const said = response.headers.get("Content-Disposition") ?? "";
    const [, coded] = /filename\*=utf-8''([^;]+)/i.exec(said) ?? [];
    const [, plain] = /filename="([^"]+)"/.exec(said) ?? [];
    return { file: await response.blob(), name: coded ? decodeURIComponent(coded) : plain ?? `${id}-${kind}` };
  }

  /** The bytes of any of the server's addresses, such as `clipUrl(…)`. */
  async bytes(url: string): Promise<ArrayBuffer> {
    return (await this.answer("GET", url)).arrayBuffer();
  }

  /**
   * Every event from now on; reconnects by itself after 1, 2, 4, … 15 s and lets the server replay
   * what was missed. `connection` is told at each change. Returns a function that ends it.
   */
  events(
    told: (event: ServerEvent) => void,
    connection: (connected: boolean) => void = () => {},
    after: number | null = null,
  ): () => void {
    const ending = new AbortController();
    void this.follow(told, connection, after, ending.signal);
    return () => ending.abort();
  }

  private async follow(
    told: (event: ServerEvent) => void,
    connection: (connected: boolean) => void,
    after: number | null,
    ending: AbortSignal,
  ): Promise<void> {
    let last = after;
    let wait = 1;
    while (!ending.aborted) {
      try {
        const headers: Record<string, string> = { Accept: "text/event-stream" };
        if (last !== null) headers["Last-Event-ID"] = String(last);
        const response = await fetch("api/events", { headers, signal: ending, cache: "no-store" });
        if (response.status === 401) this.onSignedOut();
        if (!response.ok || !response.body) throw new ApiError("no events", response.status);
        connection(true);
        wait = 1;
        for await (const event of eventsOf(response.body)) {
          last = event.id;
          told(event);
        }
      } catch {
        // what went wrong is said by `connection`
      }
      if (ending.aborted) return;
      connection(false);
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      wait = Math.min(wait * 2, 15);
    }
  }

  private get<T>(url: string): Promise<T> {
    return this.call<T>("GET", url);
  }

  private send<T>(method: string, url: string, body?: unknown): Promise<T> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return this.call<T>(method, url, text, "application/json");
  }

  private async call<T>(method: string, url: string, body?: BodyInit, type?: string): Promise<T> {
    const response = await this.answer(method, url, body, type);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  private async answer(
    method: string, url: string, body?: BodyInit, type?: string, ending?: AbortSignal,
  ): Promise<Response> {
    const headers: Record<string, string> = type && body !== undefined ? { "Content-Type": type } : {};
    let response: Response;
    try {
      response = await fetch(url, {
        method, headers, ...(body === undefined ? {} : { body }), ...(ending ? { signal: ending } : {}),
      });
    } catch {
      throw new ApiError(UNREACHED, 0);
    }
    if (response.ok) return response;
    if (response.status === 401 && !url.endsWith("login")) this.onSignedOut();
    throw await errorOf(response);
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const retry = Number(response.headers.get("Retry-After")) || null;
  try {
    const said = (await response.json()) as { error?: unknown };
    if (typeof said.error === "string") return new ApiError(said.error, response.status, retry);
  } catch {
    // not JSON: the status says it
  }
  return new ApiError(`The server answered ${response.status}.`, response.status, retry);
}

/** Server-sent events of a stream; comments and events without an id or data are passed over. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true }).replace(/\r\n?/g, "\n");
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = eventOf(text.slice(0, end));
        text = text.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export function eventOf(block: string): ServerEvent | null {
  let id = Number.NaN;
  let name = "";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "id") id = Number(value);
    else if (field === "event") name = value;
    else if (field === "data") data.push(value);
  }
  if (!data.length || !name || !Number.isFinite(id)) return null;
  return { ...(JSON.parse(data.join("\n")) as object), id, name } as ServerEvent;
}
