// A MIDI file that was brought elsewhere on the page, for Notes to open.

import type { Upload } from "../api";
import { signal } from "../state";

export const brought = signal<Upload | null>(null);
