// Masks as PNG files: 8 bits of gray, exactly the size of the clip's image.

import { Mask } from "./mask";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GRAY_8_BIT = [8, 0, 0, 0, 0]; // depth, color type, compression, filter, interlace

/** A mask as a PNG: white is regenerated, black kept. Not by a canvas, which may alter levels. */
export async function maskToPng(mask: Mask): Promise<Blob> {
  const { width, height } = mask;
  const lines = new Uint8Array((width + 1) * height); // each begins with 0: not filtered
  for (let row = 0; row < height; row++) {
    lines.set(mask.data.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  const header = new Uint8Array([...bigEndian(width), ...bigEndian(height), ...GRAY_8_BIT]);
  const parts = [
    new Uint8Array(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", await deflated(lines)),
    chunk("IEND", new Uint8Array()),
  ];
  return new Blob(parts, { type: "image/png" });
}

/** The inverse of `maskToPng`. What is transparent is kept. Throws a sentence for another size. */
export async function pngToMask(file: Blob, width: number, height: number): Promise<Mask> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "premultiply", // over black
    });
  } catch {
    throw new Error("This file can't be read as an image. Choose a PNG.");
  }
  if (image.width !== width || image.height !== height) throw new Error(wrongSize(image, width, height));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0);
  return new Mask(width, height, grayOf(context.getImageData(0, 0, width, height).data));
}

function wrongSize(image: { width: number; height: number }, width: number, height: number): string {
  return (
    `This mask is ${image.width} × ${image.height} pixels, and the clip's image is ` +
    `${width} × ${height}. Choose a mask of that size, or the clip that it was painted on.`
  );
}

/** The gray levels of RGBA pixels, as Pillow's "L" has them. */
export function grayOf(pixels: Uint8ClampedArray): Uint8ClampedArray {
  const gray = new Uint8ClampedArray(pixels.length / 4);
  for (let k = 0; k < gray.length; k++) {
    const [red, green, blue] = [pixels[4 * k]!, pixels[4 * k + 1]!, pixels[4 * k + 2]!];
    gray[k] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  return gray;
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(name: string, data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(4 + data.length);
  body.set([...name].map((letter) => letter.charCodeAt(0)));
  body.set(data, 4);
  return new Uint8Array([...bigEndian(data.length), ...body, ...bigEndian(crc32(body))]);
}

function bigEndian(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
}

/** As in the PNG specification, annex D. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
