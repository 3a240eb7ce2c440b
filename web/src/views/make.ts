import type { View } from "../app";

export const view: View = { name: "make", title: "Make", mount() {} };
