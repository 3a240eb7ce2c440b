// What every view is given, and what a view is.
//
// A view is a module in views/ that exports `view: View`. `mount` is called once, when the view is
// first opened, with an empty <section> that is its own; what it returns are hooks.
//
//   export const view: View = {
//     name: "paint", title: "Paint",
//     mount(root, app) {
//       root.append(el("h2", {}, "Paint"));
//       app.selected.on((clip) => show(clip), { now: true });
//       return { undo: () => history.undo(), redo: () => history.redo() };
//     },
//   };
//
// To make something: `const job = await app.submit("edit", { prompt, seed }, { source: "clip:" + id })`.
// It throws ApiError where the server refuses; `app.say(error.message, "error")` shows that, or put
// it beside the field. `await app.whenDone(job.id)` gives the job when it is over (state done,
// failed or cancelled); its clips are then in `job.clips` and in `app.clips`.

import type { Api, Clip, Job, ServerEvent, Task, Words } from "./api";
import type { Engine } from "./engine";
import type { Signal } from "./state";

export type ViewName = "make" | "paint" | "notes" | "story" | "station" | "library";

/** What a mounted view does when the page asks; all optional. */
export interface Mounted {
  /** The view is now the open one; also right after it was mounted. */
  shown?(): void;
  hidden?(): void;
  /** Ctrl-Z, and Ctrl-Shift-Z or Ctrl-Y, while the view is open and no text field has the focus. */
  undo?(): void;
  redo?(): void;
  /** Other keys while the view is open and no field has the focus. True: it is dealt with. */
  key?(event: KeyboardEvent): boolean;
  /** What Space and the play button start when nothing plays; else it is the chosen clip. */
  play?(): void | Promise<void>;
  /** A file was dropped or chosen for this view. True: it is dealt with. */
  drop?(files: File[]): boolean;
}

export interface View {
  name: ViewName;
  title: string;
  mount(root: HTMLElement, app: App): Mounted | void;
}

export type Kind = "info" | "done" | "error";

export interface App {
  readonly api: Api;
  readonly engine: Engine;
  readonly tasks: Signal<Task[]>;
  /** Newest first: those the page knows, which need not be all that the server has. */
  readonly clips: Signal<Clip[]>;
  /** Newest first; changes with each event (a changed job is a new object). */
  readonly jobs: Signal<Job[]>;
  /** The chosen clip: what the transport plays and what Paint, Notes and Station start from. */
  readonly selected: Signal<Clip | null>;
  readonly view: Signal<ViewName>;
  /** The job whose clips Make shows as candidates. */
  readonly shownJob: Signal<string | null>;
  /** Whether the event stream is connected. */
  readonly connected: Signal<boolean>;
  /** "dark" or "light", as the system says: what is drawn on canvases must be drawn again. */
  readonly theme: Signal<"dark" | "light">;

  /** A message on the page, read out by screen readers. An action is a button in it. */
  say(text: string, kind?: Kind, action?: { label: string; run(): void }): void;
  /** Opens a view, with a clip as the chosen one where one is given. */
  open(view: ViewName, clip?: Clip): void;
  submit(task: string, request: Words, inputs?: Record<string, string>, count?: number, model?: string): Promise<Job>;
  whenDone(jobId: string): Promise<Job>;
  /** Cancels a job; refusals are said. `jobs` tells at once, and `isCancelling` is true until it is over. */
  cancel(job: Job): void;
  isCancelling(job: Job): boolean;
  /** Every event of the server, after jobs and clips have taken it in. Returns what ends it. */
  onEvent(told: (event: ServerEvent) => void): () => void;
  /** The clip by id, from what is known or from the server. */
  clip(id: string): Promise<Clip>;
  /** Changes and removals: the server's answer is in `clips` afterwards. */
  keep(clip: Clip, kept: boolean): Promise<void>;
  rename(clip: Clip, title: string): Promise<void>;
  /** Opens Make with the settings that a clip was made with. */
  useSettings(clip: Clip): Promise<void>;
  /** Set by `useSettings`; Make takes it and sets it back to null. */
  readonly settings: Signal<Job | null>;
  /** Removes a clip after some seconds in which it can be had back. */
  discard(clip: Clip): void;
  /** Told when a clip is discarded (true) and when it is had back (false). */
  onDiscard(told: (id: string, gone: boolean) => void): () => void;
  /** Has a discarded clip back (the last one without an id); false where it is too late. */
  undiscard(id?: string): boolean;
  /** Plays a clip: at once, or on the next downbeat where something plays. Chooses it, too. */
  playClip(clip: Clip): Promise<void>;
  /** Goes to a place in a clip; another clip is chosen, and plays from there if something plays. */
  seek(clip: Clip, seconds: number): void;
}
