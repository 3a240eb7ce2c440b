// What is made of a score: a clip of its notes, or other notes and clips over its chords.

import type { Clip, Words } from "../api";
import type { App } from "../app";
import { el } from "../dom";
import type { ScoreDoc } from "./doc";
import type { Origin } from "./painting";
import { chordsRequest, composeRequest, notesRequest } from "./painting";
import type { Score } from "./score";
import { hasNotes } from "./score";

export interface Host {
  /** What is shown now. */
  origin(): Origin | null;
  /** Plays the notes. */
  hear(): Promise<void>;
  /** A clip was painted of what came from there. */
  painted(clip: Clip, from: Origin): Promise<void>;
}

export class NotesActions {
  readonly element: HTMLElement;
  private readonly prompt = el("input", { type: "text", "data-testid": "notes-prompt", autocomplete: "off" });
  private readonly progress = el("span", { class: "note", role: "status" });
  private readonly paintButton: HTMLButtonElement;
  private readonly chordButtons: HTMLButtonElement[];

  constructor(private readonly app: App, private readonly doc: ScoreDoc, private readonly host: Host) {
    this.paintButton = this.button("Paint these notes", "paint-notes", (of) => this.paintNotes(of));
    this.paintButton.classList.add("primary");
    this.chordButtons = [
      this.button("Write notes over these chords", "write-chords", (of) => this.writeOverChords(of)),
      this.button("Paint over these chords", "paint-chords", (of) => this.paintChords(of)),
    ];
    this.element = el("div", { class: "notes-actions panel stack" },
      el("label", { class: "field" }, el("span", { class: "label" }, "Music in words"), this.prompt),
      el("div", { class: "row" }, this.paintButton, this.chordButtons, this.progress));
    doc.now.on((now) => {
      this.paintButton.disabled = !hasNotes(now?.score ?? null);
      for (const button of this.chordButtons) button.hidden = !now || now.bars.length === 0;
    });
  }

  show(prompt: string): void {
    this.prompt.value = prompt;
  }

  /** The score as an upload of the server's: its id. */
  async stored(): Promise<string> {
    const title = this.host.origin()?.title.replace(/\.midi?$/i, "");
    const { upload } = await this.app.api.putScore(this.doc.score as unknown as Words, title);
    return upload.id;
  }

  /** The clip again with a request changed. */
  async again(change: (request: Words) => Words): Promise<void> {
    const origin = this.host.origin();
    if (!origin) return;
    try {
      await this.paint(origin, change({ ...origin.request, prompt: origin.prompt }), origin.inputs);
    } catch (error) {
      this.app.say((error as Error).message, "error");
    }
  }

  private async paintNotes(origin: Origin): Promise<void> {
    const { request, inputs } = notesRequest(origin, this.words(origin), await this.stored());
    await this.paint(origin, request, inputs);
  }

  private async paintChords(origin: Origin): Promise<void> {
    const { request, inputs } = chordsRequest(origin, this.words(origin), this.doc.now.get()!);
    await this.paint(origin, request, inputs);
  }

  private async writeOverChords(origin: Origin): Promise<void> {
    const { bars } = this.doc.now.get()!;
    const request = composeRequest(origin, this.words(origin), this.doc.now.get()!);
    const { score } = await this.app.api.compose(request);
    if (origin !== this.host.origin()) return;
    const back = this.doc.rewrite({ score: score as unknown as Score, bars });
    if (back) this.app.say("New notes took the place of yours.", "info", { label: "Undo", run: back });
    if (!this.app.engine.playing.get()) await this.host.hear();
  }

  private async paint(origin: Origin, request: Words, inputs: Record<string, string>): Promise<void> {
    const { app } = this;
    const job = await app.submit("generate", request, inputs);
    const off = app.jobs.on((jobs) => {
      const now = jobs.find(({ id }) => id === job.id);
      const steps = now?.steps ? `, step ${now.step} of ${now.steps}` : "";
      this.progress.textContent = now?.state === "queued" ? "Waiting…" : `Painting${steps}…`;
    }, { now: true });
    const over = await app.whenDone(job.id);
    off();
    this.progress.textContent = "";
    const clip = over.clips[0];
    if (over.state === "failed") app.say(over.error ?? "The painting failed.", "error");
    if (over.state === "done" && clip) await this.host.painted(clip, origin);
  }

  private words(origin: Origin): string {
    return this.prompt.value.trim() || origin.prompt;
  }

  /** A button that is off while it works, and says what the server refuses. */
  private button(label: string, name: string, run: (of: Origin) => Promise<void>): HTMLButtonElement {
    const button = el("button", { type: "button", class: "button", "data-testid": name }, label);
    button.addEventListener("click", () => {
      const origin = this.host.origin();
      if (!origin) return;
      button.disabled = true;
      run(origin)
        .catch((error: Error) => this.app.say(error.message, "error"))
        .finally(() => (button.disabled = false));
    });
    return button;
  }
}
