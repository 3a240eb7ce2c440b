// Writes a story's script as TOML 1.0, which `riff story` and riffkit/music/script.py read.

import { type Keyframe, PLAIN, type Story } from "./script";

/** The script of a story. `theme` is a bundled seed, or the name of a file beside the script. */
export function toToml(story: Story, theme: string | null = null): string {
  const top: Record<string, unknown> = { ...story.options, bars: story.bars, loop: story.loop };
  if (theme !== null) top.theme = theme;
  const parts = [linesOf(top), ...story.keyframes.map(frameOf)];
  return `${parts.join("\n\n")}\n`;
}

/** The file that stands for a clip beside a script, as `riff story` wants it. */
export function themeFile(clipId: string): string {
  return `theme-${clipId}.wav`;
}

/** A script with the clip in the place of that file, as the studio wants it. */
export function withThemeClip(text: string): string {
  return text.replace(/^(theme = ")theme-([a-z0-9]{12})\.wav"/m, '$1clip:$2"');
}

function frameOf(frame: Keyframe): string {
  const { bar, prompt, ...rest } = frame;
  const said: Record<string, unknown> = { bar, prompt };
  for (const [name, value] of Object.entries(rest)) {
    if (value !== PLAIN[name as keyof typeof PLAIN]) said[name] = value;
  }
  return `[[keyframe]]\n${linesOf(said)}`;
}

function linesOf(values: Record<string, unknown>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${keyOf(name)} = ${valueOf(value)}`)
    .join("\n");
}

function keyOf(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : textOf(name);
}

function valueOf(value: unknown): string {
  if (typeof value === "string") return textOf(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isFinite(value)) return numberOf(value);
  if (Array.isArray(value)) return `[${value.map(valueOf).join(", ")}]`;
  throw new Error(`A script can't hold ${String(value)}.`);
}

/** JavaScript's own spelling, but for whole numbers that it spells with an exponent. */
function numberOf(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : String(value);
}

/** A basic string. A lone surrogate, which TOML has no spelling for, becomes U+FFFD. */
function textOf(text: string): string {
  const spelled = text
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/[\\"]/g, (sign: string) => `\\${sign}`)
    .replace(/[\u0000-\u001f\u007f]/g, escapeOf);
  return `"${spelled}"`;
}

function escapeOf(sign: string): string {
  const short: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };
  return short[sign] ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
