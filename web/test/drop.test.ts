import { describe, expect, it } from "vitest";
import type { Task } from "../src/api";
import { actionsFor } from "../src/drop/actions";

const task = (name: string, ...inputs: [name: string, kinds: string, orPrompt?: boolean][]): Task =>
  ({
    name, summary: `Do ${name}.`, count: null, fields: [],
    inputs: inputs.map(([input, kinds, or_prompt = false]) => ({
      name: input, help: "", required: true, or_prompt, names: [], kinds: kinds.split(" "),
    })),
  }) as unknown as Task;

const TASKS = [
  task("sparkle", ["clip", "audio"]),
  task("generate", ["score", "midi"], ["melody", "audio midi"], ["drums", "midi"]),
  task("edit", ["clip", "audio image"], ["mask", "image"]),
  task("morph", ["first", "audio image", true], ["last", "audio image", true]),
  task("story", ["theme", "audio image"]),
  task("restyle", ["clip", "audio image"]),
  task("import", ["file", "audio image"]),
];

describe("a dropped file", () => {
  const named = (kind: "audio" | "image" | "midi" | "mask"): string[] =>
    actionsFor({ kind }, TASKS).map((action) => `${action.task?.name ?? "open"} ${action.input}`);

  it("can go to what takes its kind, opening it first", () => {
    expect(named("audio")).toEqual([
      "import file", "restyle clip", "morph first", "generate melody", "sparkle clip",
    ]);
    expect(named("image")).toEqual(["import file", "restyle clip", "morph first"]);
    expect(named("midi")).toEqual(["open notes", "generate score", "generate melody", "generate drums"]);
  });

  it("is offered to a task that the page doesn't know by the task's own words", () => {
    expect(actionsFor({ kind: "audio" }, TASKS).at(-1)!.label).toBe("Do sparkle.");
  });
});
