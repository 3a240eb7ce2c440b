import type { View } from "../app";

export const view: View = { name: "library", title: "Library", mount() {} };
