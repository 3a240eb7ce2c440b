// The keys of General MIDI's drum kit: their names, and the parts of the kit they belong to.

const NAMES: Record<number, string> = {
  35: "Deep kick",
  36: "Kick",
  37: "Rim",
  38: "Snare",
  39: "Clap",
  40: "Snare 2",
  41: "Floor tom",
  42: "Closed hat",
  43: "Floor tom 2",
  44: "Pedal hat",
  45: "Low tom",
  46: "Open hat",
  47: "Mid tom",
  48: "Mid tom 2",
  49: "Crash",
  50: "High tom",
  51: "Ride",
  52: "China",
  53: "Ride bell",
  54: "Tambourine",
  55: "Splash",
  56: "Cowbell",
  57: "Crash 2",
  59: "Ride 2",
  60: "High bongo",
  61: "Low bongo",
  62: "Mute conga",
  63: "High conga",
  64: "Low conga",
  69: "Cabasa",
  70: "Shaker",
  75: "Clave",
  82: "Shaker 2",
};

/** As riffkit/score: drums.SECTIONS with general_midi's further keys. */
const SECTIONS: Record<string, readonly number[]> = {
  crash: [49, 52, 55, 57],
  ride: [51, 53, 59],
  hats: [42, 46, 44, 22, 26],
  shakers: [54, 70, 69, 82, 83],
  toms: [41, 45, 47, 50, 43, 48],
  snare: [38, 37, 39, 31, 40],
  kick: [36, 35],
};
const OTHER = "hand percussion";

/** Keys that are offered in any kit. */
export const USUAL_DRUMS: readonly number[] = [36, 38, 42, 46];

export const drumName = (pitch: number): string => NAMES[pitch] ?? `Drum ${pitch}`;

/** The part of the kit that a key belongs to. */
export function sectionOf(pitch: number): string {
  return Object.keys(SECTIONS).find((name) => SECTIONS[name]!.includes(pitch)) ?? OTHER;
}

/** Rows from top to bottom: cymbals above, the kick at the bottom. */
export function drumRows(pitches: Iterable<number>): number[] {
  const order = [...Object.keys(SECTIONS).slice(0, 4), OTHER, ...Object.keys(SECTIONS).slice(4)];
  const rank = (pitch: number) => {
    const section = sectionOf(pitch);
    return order.indexOf(section) * 128 + ((SECTIONS[section]?.indexOf(pitch) ?? pitch) + 1);
  };
  return [...new Set(pitches)].sort((a, b) => rank(a) - rank(b));
}
