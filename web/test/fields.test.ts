import { expect, test } from "vitest";
import type { Field } from "../src/api";
import { helpOf, parsed, titleOf } from "../src/fields";

function field(type: Field["type"], more: Partial<Field> = {}): Field {
  return {
    name: "x", type, help: "Help.", default: null, least: null, most: null, choices: null,
    metavar: null, required: false, common: false, ...more,
  };
}

test("what is empty keeps the server's default", () => {
  expect(parsed(field("integer"), " ")).toBeUndefined();
  expect(parsed(field("strings"), "\n \n")).toBeUndefined();
  expect(parsed(field("choice", { default: "on" }), "on")).toBeUndefined();
});

test("numbers, rows and words", () => {
  expect(parsed(field("integer"), "7")).toBe(7);
  expect(parsed(field("number"), "0,5")).toBe(0.5);
  expect(parsed(field("strings"), "bass\n\n drums ")).toEqual(["bass", "drums"]);
  expect(parsed(field("number_or_word"), "peak")).toBe("peak");
  expect(parsed(field("number_or_word"), "-14")).toBe(-14);
  expect(parsed(field("span"), "1:2")).toBe("1:2");
  expect(parsed(field("choice", { default: "on" }), "off")).toBe("off");
  const wanted = ["", "true", "false"].map((text) => parsed(field("boolean"), text));
  expect(wanted).toEqual([undefined, true, false]);
});

test("what isn't a number goes to the server, whose sentence says what is wanted", () => {
  expect(parsed(field("integer"), "many")).toBe("many");
});

test("help says the range unless it does already", () => {
  expect(helpOf(field("number", { least: 20, most: 400 }))).toBe("Help. 20 to 400.");
  expect(helpOf(field("number", { help: "0 is little, 1 is much.", least: 0, most: 1 }))).toBe("0 is little, 1 is much.");
});

test("titles", () => {
  expect(titleOf("beats_per_bar")).toBe("Beats per bar");
  expect(titleOf("bpm")).toBe("Tempo (BPM)");
});
