// What can be done with a file that was brought: the tasks that take one of its kind.

import type { Task, Upload } from "../api";

export interface Action {
  readonly label: string;
  /** null: Notes opens it. */
  readonly task: Task | null;
  /** The task's input that the file goes to. */
  readonly input: string;
}

const IN_NOTES: Action = { label: "Open it in Notes, to see, hear and change it", task: null, input: "notes" };

/** In this order; tasks that aren't named here come behind them, by their own summaries. */
const LABELS: readonly (readonly [task: string, input: string, label: string])[] = [
  ["import", "file", "Open it, to play it and paint on it"],
  ["generate", "score", "Play it as a score"],
  ["restyle", "clip", "Play it in another style"],
  ["extend", "clip", "Continue it"],
  ["morph", "first", "Go from it to something else"],
  ["vary", "clip", "Make variations of it"],
  ["generate", "melody", "Accompany its melody"],
  ["generate", "drums", "Play along with its drums"],
  ["loop", "theme", "Make a loop that stays close to it"],
];
/** These need more than a file, and have a view of their own. */
const ELSEWHERE = new Set(["edit", "story"]);

export function actionsFor(upload: Pick<Upload, "kind">, tasks: readonly Task[]): Action[] {
  const kind = upload.kind === "mask" ? "image" : upload.kind;
  const made = tasks
    .filter((task) => !ELSEWHERE.has(task.name))
    .flatMap((task) => inputsFor(task, kind).map((input) => ({ task, input, at: placeOf(task.name, input) })))
    .sort((one, other) => one.at - other.at)
    .map(({ task, input, at }) => ({ task, input, label: LABELS[at]?.[2] ?? task.summary }));
  return kind === "midi" ? [IN_NOTES, ...made] : made;
}

/** Of two ends that a task goes between, only the first. */
function inputsFor(task: Task, kind: "audio" | "image" | "midi"): string[] {
  const ends = task.inputs.filter((input) => input.or_prompt);
  return task.inputs
    .filter((input) => input.kinds.includes(kind) && (!input.or_prompt || input === ends[0]))
    .map((input) => input.name);
}

function placeOf(task: string, input: string): number {
  const at = LABELS.findIndex((label) => label[0] === task && label[1] === input);
  return at < 0 ? LABELS.length : at;
}
