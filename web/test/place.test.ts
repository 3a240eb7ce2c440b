import { expect, test } from "vitest";
import { hashOf, placeOf } from "../src/place";
import { wordsOf } from "../src/status";
import { lastWord } from "../src/words";
import type { Health } from "../src/api";

test("a view and a clip in the address, and back", () => {
  expect(placeOf("#paint/abcdef012345")).toEqual({ view: "paint", clip: "abcdef012345" });
  expect(placeOf("#make")).toEqual({ view: "make", clip: null });
  expect(placeOf("#paint/../../x")).toEqual({ view: "paint", clip: null });
  expect(placeOf("#elsewhere")).toBeNull();
  expect(hashOf({ view: "paint", clip: "abcdef012345" })).toBe("#paint/abcdef012345");
});

test("the status is a sentence", () => {
  const health: Health = {
    status: "ok", version: "1", model: { name: "mini", ready: true, error: null }, device: "cpu",
    queue: { waiting: 0, running: 0, most: 100 }, problem: null,
  };
  expect(wordsOf(health, true)).toEqual(["ok", "mini is ready · cpu"]);
  expect(wordsOf(null, false)[0]).toBe("lost");
  expect(wordsOf({ ...health, status: "loading" }, true)).toEqual(["loading", "Loading the model mini…"]);
  expect(wordsOf({ ...health, problem: "the disk is full" }, true)).toEqual(["failed", "Jobs wait: the disk is full"]);
  expect(wordsOf({ ...health, status: "failed", model: { ...health.model, error: "no weights" } }, true)).toEqual(["failed", "no weights"]);
});

test("the word that is being typed", () => {
  expect(lastWord("lofi, rainy pi")).toBe("pi");
  expect(lastWord("funk with sl")).toBe("sl");
  expect(lastWord("")).toBe("");
  expect(lastWord("lofi, ")).toBe("");
});
