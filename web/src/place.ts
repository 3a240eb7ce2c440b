// The address of what is open: #make, #paint/CLIP. It survives a reload and can be a bookmark.

import type { ViewName } from "./app";

export const VIEW_NAMES: ViewName[] = ["make", "paint", "notes", "story", "station", "library"];

export interface PagePlace {
  view: ViewName;
  clip: string | null;
}

export function placeOf(hash: string): PagePlace | null {
  const [view, clip] = hash.replace(/^#/, "").split("/");
  if (!VIEW_NAMES.includes(view as ViewName)) return null;
  return { view: view as ViewName, clip: clip && /^[a-z0-9]{12}$/.test(clip) ? clip : null };
}

export function hashOf(place: PagePlace): string {
  return `#${place.view}${place.clip ? `/${place.clip}` : ""}`;
}
