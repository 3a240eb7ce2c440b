// What can be done with a clip, as menus that all views share.

import type { App } from "./app";
import type { Clip } from "./api";
import { clipUrl } from "./api";
import { openExport } from "./export_panel";
import type { Item } from "./menu";
import { menu } from "./menu";
import { addToStation } from "./station/tracks";

export function downloads(app: App, clip: Clip): Item[] {
  const file = (label: string, suffix: Parameters<typeof clipUrl>[1]): Item => ({
    label, href: clipUrl(clip.id, suffix, { download: true }), testid: `download-${suffix}`,
  });
  return [
    file("WAV", "wav"), file("FLAC", "flac"), file("MP3", "mp3"), file("PNG (the spectrogram)", "png"),
    file("Recipe (JSON)", "json"), ...(clip.has_score ? [file("MIDI", "mid")] : []),
    { label: "For other programs …", run: () => openExport(app, clip), testid: "export" },
  ];
}

export function openings(app: App, clip: Clip): Item[] {
  return [
    { label: "Open in Paint", run: () => app.open("paint", clip), testid: "open-paint" },
    { label: "Open in Notes", run: () => app.open("notes", clip), testid: "open-notes" },
    {
      label: "Add to the loop station", testid: "open-station",
      run: () => addToStation(app, clip) && app.open("station", clip),
    },
  ];
}

export function downloadMenu(app: App, clip: () => Clip | null, small = false): HTMLElement {
  return menu({
    label: "Download", text: "Download", icon: "download", small, testid: "download",
    items: () => (clip() ? downloads(app, clip()!) : []),
  });
}

/** Everything: openings, again, settings, downloads, discard. */
export function clipMenu(app: App, clip: () => Clip | null, small = false): HTMLElement {
  return menu({
    label: "More about this clip", icon: "more", small, testid: "clip-menu",
    items: () => {
      const now = clip();
      return now ? [...openings(app, now), "line", ...making(app, now), "line", ...downloads(app, now).map(named)] : [];
    },
  });
}

/** In a list of other things, a file says that it is one to download. */
function named(item: Item): Item {
  return item === "line" || !("href" in item) ? item : { ...item, label: `Download ${item.label}` };
}

function making(app: App, clip: Clip): Item[] {
  return [
    { label: "Make 4 variations", run: () => void vary(app, clip), testid: "vary-this" },
    { label: "Make again with a new seed", run: () => void again(app, clip), testid: "again" },
    { label: "Use its settings", run: () => void app.useSettings(clip), testid: "use-settings" },
    { label: "Rename…", run: () => rename(app, clip), testid: "rename" },
  ];
}

export async function vary(app: App, clip: Clip): Promise<void> {
  try {
    const job = await app.submit("vary", { count: 4 }, { clip: `clip:${clip.id}` });
    app.shownJob.set(job.id);
    app.open("make");
  } catch (error) {
    app.say((error as Error).message, "error");
  }
}

async function again(app: App, clip: Clip): Promise<void> {
  try {
    const job = await app.api.again(clip.id, Math.floor(Math.random() * 2 ** 31));
    app.shownJob.set(job.id);
    app.open("make");
  } catch (error) {
    app.say((error as Error).message, "error");
  }
}

function rename(app: App, clip: Clip): void {
  const title = prompt("Title of this clip", clip.title)?.trim();
  if (!title || title === clip.title) return;
  app.rename(clip, title).catch((error: Error) => app.say(error.message, "error"));
}
