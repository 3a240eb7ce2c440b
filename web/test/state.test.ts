import { expect, test } from "vitest";
import { signal } from "../src/state";

test("listeners hear changes until they leave", () => {
  const heard: number[] = [];
  const level = signal(1);
  const off = level.on((v) => heard.push(v), { now: true });
  level.set(2);
  level.set(2);
  level.update((v) => v + 1);
  off();
  level.set(9);
  expect(heard).toEqual([1, 2, 3]);
});
