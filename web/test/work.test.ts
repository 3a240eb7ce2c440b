import { expect, test } from "vitest";
import type { Clip } from "../src/api";
import { Work } from "../src/paint/work";

test("undoing what was kept tells so, and doing it again, too", () => {
  const [base, made] = ["base", "made"].map((id) => ({ id, image: { width: 8, height: 4 } }) as Clip);
  const work = new Work(base!);
  const told: boolean[] = [];
  work.keep(made!, (isKept) => told.push(isKept));
  expect([work.base.get().id, told]).toEqual(["made", []]);
  work.undo();
  work.redo();
  expect([work.base.get().id, told]).toEqual(["made", [false, true]]);
});
