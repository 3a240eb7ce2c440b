// A story that is being written, as the browser remembers it: it survives a reload.

import { requestOf, type Story, storyOf } from "./script";

export interface Kept {
  readonly story: Story;
  /** A seed's name or `clip:ID`; null for none. */
  readonly theme: string | null;
  /** The clip that was made, and of which story and theme. */
  readonly made: { readonly clip: string; readonly of: string } | null;
}

/** As it is stored. */
export function storedOf({ story, theme, made }: Kept): unknown {
  return { request: requestOf(story), theme, made };
}

/** What was stored; null where it can't be a story. */
export function keptOf(stored: unknown): Kept | null {
  try {
    const { request, theme, made } = stored as { request: Record<string, unknown>; theme: unknown; made: unknown };
    const story = storyOf(request);
    const { bar, prompt } = story.keyframes[0]!;
    if (!(story.bars >= 1) || !Number.isFinite(bar) || typeof prompt !== "string") return null;
    const { clip, of } = (made ?? {}) as Record<string, unknown>;
    return {
      story,
      theme: typeof theme === "string" ? theme : null,
      made: typeof clip === "string" && typeof of === "string" ? { clip, of } : null,
    };
  } catch {
    return null;
  }
}

/** Whether nothing was written yet, so that another story may take its place. */
export function isBlank(story: Story): boolean {
  return story.keyframes.length === 1 && story.keyframes[0]!.prompt.trim() === "";
}
