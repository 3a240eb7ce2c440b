import { describe, expect, it } from "vitest";
import { onSubmitKey } from "../src/submit_key";

describe("Ctrl+Enter", () => {
  it("starts once, and no other key does", () => {
    const form = new EventTarget();
    let started = 0;
    onSubmitKey(form, () => started++);
    const press = (keys: object) => {
      const event = Object.assign(new Event("keydown", { cancelable: true }), keys);
      form.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(press({ key: "Enter" })).toBe(false);
    expect(press({ key: "a", ctrlKey: true })).toBe(false);
    expect(started).toBe(0);
    expect(press({ key: "Enter", ctrlKey: true })).toBe(true);
    expect(press({ key: "Enter", ctrlKey: true, repeat: true })).toBe(true);
    expect(press({ key: "Enter", metaKey: true })).toBe(true);
    expect(started).toBe(2);
  });
});
