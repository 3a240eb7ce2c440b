// The samples that are played: read from the server's WAVs, and kept while there is room.

import { tiled } from "./schedule";
import { readWav } from "./wav";

const CACHED_BYTES = 256e6;

export class Buffers {
  private readonly buffers = new Map<string, Promise<AudioBuffer>>();

  constructor(private readonly bytes: (url: string) => Promise<ArrayBuffer>) {}

  /** The samples of a WAV, as they are in the file. */
  load(url: string): Promise<AudioBuffer> {
    const known = this.buffers.get(url);
    if (known) {
      this.buffers.delete(url);
      this.buffers.set(url, known);
      return known;
    }
    const loading = this.bytes(url).then(bufferOf);
    this.buffers.set(url, loading);
    loading.then(() => this.forgetOldest(), () => this.buffers.delete(url));
    return loading;
  }

  private forgetOldest(): void {
    void (async () => {
      let bytes = 0;
      for (const [url, loading] of [...this.buffers].reverse()) {
        const buffer = await loading.catch(() => null);
        bytes += buffer ? buffer.length * buffer.numberOfChannels * 4 : 0;
        if (bytes > CACHED_BYTES) this.buffers.delete(url);
      }
    })();
  }
}

function bufferOf(bytes: ArrayBuffer): AudioBuffer {
  const wav = readWav(bytes);
  const length = Math.max(1, wav.channels[0]?.length ?? 0);
  const numberOfChannels = wav.channels.length;
  const buffer = new AudioBuffer({ length, numberOfChannels, sampleRate: wav.rate });
  wav.channels.forEach((samples, i) => buffer.copyToChannel(samples, i));
  return buffer;
}

/** The buffer itself, or repeated to a run's length where it is shorter. */
export function filling(buffer: AudioBuffer, seconds: number): AudioBuffer {
  const length = Math.round(seconds * buffer.sampleRate);
  if (buffer.length > length - buffer.sampleRate * 0.01) return buffer;
  const { numberOfChannels, sampleRate } = buffer;
  const longer = new AudioBuffer({ length, numberOfChannels, sampleRate });
  for (let i = 0; i < numberOfChannels; i++) {
    longer.copyToChannel(tiled(buffer.getChannelData(i), length), i);
  }
  return longer;
}
