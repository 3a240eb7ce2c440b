// What can be done with a file that was brought: the tasks that take one of its kind.

import type { Task, Upload } from "../api";

export interface Action {
  readonly label: string;
  /** A task of the server and the input that the file goes to; null opens it as a clip. */
  readonly task: Task | null;
  readonly input: string;
}

/** In this order; tasks that aren't named here come behind them, by their own summaries. */
const LABELS: [task: string, input: string, label: string][] = [
  ["restyle", "clip", "Play it in another style"],
  ["extend", "clip", "Continue it"],
  ["morph", "first", "Pass over from it into something else"],
  ["vary", "clip", "Make variations of it"],
  ["generate", "melody", "Accompany its melody"],
  ["generate", "score", "Play it as a score"],
  ["generate", "drums", "Play with its drums"],
  ["loop", "theme", "Make a loop close to it"],
];
const ELSEWHERE = new Set(["edit", "story"]); // these need more than a file: Paint, Story
const OPEN = "Open it, to play it and paint on it";

export function actionsFor(upload: Pick<Upload, "kind">, tasks: readonly Task[]): Action[] {
  const kind = upload.kind === "mask" ? "image" : upload.kind;
  const order = ({ name }: Task, input: string): number => {
    const at = LABELS.findIndex(([task, one]) => task === name && one === input);
    return at < 0 ? LABELS.length : at;
  };
  const found = tasks
    .filter((task) => !ELSEWHERE.has(task.name))
    .flatMap((task) => task.inputs.map((input) => ({ task, input })))
    .filter(({ task, input }) => input.kinds.includes(kind) && !isSecondEnd(task, input.name))
    .sort((a, b) => order(a.task, a.input.name) - order(b.task, b.input.name))
    .map(({ task, input }) => {
      const label = LABELS[order(task, input.name)]?.[2] ?? task.summary;
      return { label, task, input: input.name };
    });
  const opens: Action[] = kind === "midi" ? [] : [{ label: OPEN, task: null, input: "file" }];
  return [...opens, ...found];
}

/** A task of two clips takes the file as its first. */
function isSecondEnd(task: Task, input: string): boolean {
  return task.inputs.findIndex((one) => one.or_prompt) !== task.inputs.findIndex((one) => one.name === input)
    && task.inputs.some((one) => one.name === input && one.or_prompt);
}
