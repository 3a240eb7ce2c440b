// What a story says: prompts at bars, and how the whole is played. Pure; `toml.ts` writes it.

export const EASINGS = ["linear", "smooth", "hold"] as const;
export type Easing = (typeof EASINGS)[number];

export interface Keyframe {
  readonly bar: number;
  readonly prompt: string;
  readonly negative_prompt: string;
  readonly seed: number | null;
  readonly strength: number;
  readonly guidance: number | null;
  readonly easing: Easing;
}

export const PLAIN: Omit<Keyframe, "bar" | "prompt"> = {
  negative_prompt: "",
  seed: null,
  strength: 1,
  guidance: null,
  easing: "linear",
};

/** `options` are the request's other fields by name, such as bpm, key and steps. */
export interface Story {
  readonly keyframes: readonly Keyframe[];
  readonly bars: number;
  readonly loop: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The last place for a keyframe: a loop's end is its beginning. */
export function lastBar(story: Story, step: number): number {
  return story.loop ? story.bars - step : story.bars;
}

/** The nearest place on a grid of `step` bars at which no keyframe stands, or null if all do. */
export function freeBar(story: Story, bar: number, step: number, without = -1): number | null {
  const taken = story.keyframes.filter((_, k) => k !== without).map((frame) => frame.bar);
  const last = Math.floor(lastBar(story, step) / step + 1e-9);
  const wanted = bar / step;
  const nearest = Math.max(0, Math.min(last, Math.round(wanted)));
  for (let away = 0; away <= last; away++) {
    const [near, far] = wanted >= nearest ? [nearest + away, nearest - away] : [nearest - away, nearest + away];
    for (const place of [near, far]) {
      if (place >= 0 && place <= last && !taken.some((at) => Math.abs(at - place * step) < 1e-6)) {
        return place * step;
      }
    }
  }
  return null;
}

/** With another keyframe, and where it stands in the order. */
export function added(story: Story, frame: Keyframe): { story: Story; index: number } {
  const keyframes = [...story.keyframes, frame].sort((one, other) => one.bar - other.bar);
  return { story: { ...story, keyframes }, index: keyframes.indexOf(frame) };
}

/** With a keyframe changed; its bar may change the order. */
export function changed(
  story: Story,
  index: number,
  values: Partial<Keyframe>,
): { story: Story; index: number } {
  const frame = { ...story.keyframes[index]!, ...values };
  return added(removed(story, index), frame);
}

export function removed(story: Story, index: number): Story {
  return { ...story, keyframes: story.keyframes.filter((_, k) => k !== index) };
}

/** Of another length. Keyframes behind the end go; the first one stays whatever happens. */
export function withBars(story: Story, bars: number): Story {
  const shorter = { ...story, bars };
  const keyframes = story.keyframes.filter(
    (frame, k) => k === 0 || (story.loop ? frame.bar < bars : frame.bar <= bars),
  );
  return { ...shorter, keyframes };
}

/** The keyframes before and after a bar, and its eased position between them, 0 to 1. */
export function between(story: Story, bar: number): { before: number; after: number; t: number } {
  const frames = story.keyframes;
  const begun = frames.filter((frame) => frame.bar <= bar).length;
  if (!story.loop && (begun === 0 || begun === frames.length)) {
    const nearest = begun === 0 ? 0 : frames.length - 1;
    return { before: nearest, after: nearest, t: 0 };
  }
  const before = (begun - 1 + frames.length) % frames.length;
  const after = begun % frames.length;
  const from = frames[before]!.bar - (frames[before]!.bar > bar ? story.bars : 0);
  const to = frames[after]!.bar + (frames[after]!.bar <= bar ? story.bars : 0);
  return { before, after, t: eased((bar - from) / (to - from), frames[before]!.easing) };
}

function eased(t: number, easing: Easing): number {
  if (easing === "hold") return 0;
  return easing === "smooth" ? t * t * (3 - 2 * t) : t;
}

/** A keyframe of a script or request, with what it doesn't say filled in. */
export function keyframeOf(values: Readonly<Record<string, unknown>>): Keyframe {
  return { ...PLAIN, bar: 0, prompt: "", ...values } as Keyframe;
}

/** A story of a request such as POST /api/scripts answers. */
export function storyOf(request: Readonly<Record<string, unknown>>): Story {
  const { keyframes, bars, loop, ...options } = request;
  const frames = (keyframes as Record<string, unknown>[]).map(keyframeOf);
  return { keyframes: frames, bars: Number(bars), loop: loop === true, options };
}

/** The inverse of `storyOf`; what is null is left to the model. */
export function requestOf(story: Story): Record<string, unknown> {
  const { keyframes, bars, loop, options } = story;
  return { ...options, keyframes, bars, loop };
}
