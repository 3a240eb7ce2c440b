// What an edit asks of the server: a span and a band where the mask is one, else the mask itself.

import type { Axes, Clip, Words } from "../api";
import type { Mask } from "./mask";
import type { Rect } from "./rect";
import { rowsToHz } from "./spans";

/** `mask`: whether the mask is sent as a file beside the request. */
export interface EditRequest {
  readonly request: Words;
  readonly mask: boolean;
}

/**
 * A rectangle goes as `time` and `freq`, which a recipe holds, so that it can be replayed without
 * the mask. Throws a sentence where nothing is chosen, or where the choices can't be combined.
 */
export function editRequest(mask: Mask, values: Words, clip: Clip, axes: Axes): EditRequest {
  const keepsMelody = values.keep_melody === true;
  if (mask.isEmpty) {
    if (keepsMelody) return { request: values, mask: false };
    throw new Error("Nothing is marked. Drag over the image to mark what to regenerate.");
  }
  const rectangle = mask.rectangle;
  if (keepsMelody && rectangle === null) {
    throw new Error(
      "Keep melody works with one rectangle, time span or band. Clear the mask and mark one, or " +
        "turn Keep melody off.",
    );
  }
  if (rectangle !== null && (keepsMelody || isInWholeBars(clip))) {
    return { request: { ...values, ...spansOf(rectangle, mask, axes) }, mask: false };
  }
  return { request: values, mask: true };
}

/** Only then is a column found again by its seconds, to the pixel. */
function isInWholeBars(clip: Clip): boolean {
  return clip.whole_beats && clip.bars !== null && Number.isInteger(clip.bars);
}

function spansOf(rect: Rect, mask: Mask, axes: Axes): Words {
  const spans: Words = {};
  const isHigh = rect.top === 0 && rect.bottom === mask.height;
  if (rect.left > 0 || rect.right < mask.width || isHigh) {
    spans.time = [rect.left, rect.right].map((column) =>
      Math.max(0, column * axes.seconds_per_column - axes.lead_seconds),
    );
  }
  if (!isHigh) {
    const { low, high } = rowsToHz({ from: rect.top, to: rect.bottom }, axes.hz);
    spans.freq = [low, high];
  }
  return spans;
}
