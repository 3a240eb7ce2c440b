// How the stems of a clip are mixed: mute, solo and level of each.

export interface Channel {
  mute: boolean;
  solo: boolean;
  db: number;
}

export interface StemMix {
  readonly names: readonly string[];
  readonly channels: readonly Channel[];
}

/**
 * The mix of a clip for one that was painted of it: as many stems are the same ones, of which some
 * may be other instruments now; else they are known by their names.
 */
export function carried({ names: before, channels }: StemMix, names: readonly string[]): Channel[] {
  const isSame = before.length === names.length;
  return names.map((name, k) => ({ ...plain(), ...channels[isSame ? k : before.indexOf(name)] }));
}

export const plain = (): Channel => ({ mute: false, solo: false, db: 0 });
