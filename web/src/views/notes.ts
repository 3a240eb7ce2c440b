import type { View } from "../app";

export const view: View = { name: "notes", title: "Notes", mount() {} };
