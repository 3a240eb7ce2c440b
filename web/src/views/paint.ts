import type { View } from "../app";

export const view: View = { name: "paint", title: "Paint", mount() {} };
