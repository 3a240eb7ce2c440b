// Files to the user's disk.

import { el } from "./dom";

export function saveAs(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  el("a", { href: url, download: name.replace(/[\\/:*?"<>|]+/g, " ").trim() }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
