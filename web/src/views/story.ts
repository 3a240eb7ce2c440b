import type { View } from "../app";

export const view: View = { name: "story", title: "Story", mount() {} };
