import type { View } from "../app";

export const view: View = { name: "station", title: "Loop station", mount() {} };
