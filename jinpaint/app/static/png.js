// Layers as PNG files and back. They are written here, not by a canvas: some
// browsers add noise to what is read from a canvas, and a canvas as large as a
// photograph takes four times its memory.
import {createLayer} from '/static/raster.js';

const TABLE = Uint32Array.from({length: 256}, (_, byte) => {
  let value = byte;
  for (let i = 0; i < 8; i++) {
    value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  }
  return value;
});

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function chunk(type, content) {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set([...type].map(letter => letter.charCodeAt(0)), 4);
  bytes.set(content, 8);
  view.setUint32(content.length + 8, checksum(bytes.subarray(4, -4)));
  return bytes;
}

async function compress(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(
    new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns a layer as a grey PNG of 8 bits: 1 becomes 255, white. */
export async function encode({width, height, data}) {
  const rows = new Uint8Array((width + 1) * height); // each led by its filter, 0
  for (let y = 0; y < height; y++) {
    const start = y * (width + 1) + 1;
    for (let x = 0; x < width; x++) {
      rows[start + x] = data[y * width + x] && 255;
    }
  }
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head[8] = 8; // bits; all other fields are 0: grey, deflate, not interlaced
  return new Blob([
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), chunk('IHDR', head),
    chunk('IDAT', await compress(rows)), chunk('IEND', new Uint8Array(0)),
  ], {type: 'image/png'});
}

const STRIP = 512;

/** Returns the layer of a PNG that the server made: white is 1. */
export async function decode(blob) {
  const bitmap = await createImageBitmap(blob, {colorSpaceConversion: 'none'});
  const layer = createLayer(bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(bitmap.width, STRIP);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  for (let top = 0; top < bitmap.height; top += STRIP) {
    const rows = Math.min(STRIP, bitmap.height - top);
    context.drawImage(bitmap, 0, -top);
    const {data} = context.getImageData(0, 0, bitmap.width, rows);
    const start = top * bitmap.width;
    for (let i = 0; i < rows * bitmap.width; i++) {
      layer.data[start + i] = data[4 * i] > 127 ? 1 : 0;
    }
  }
  bitmap.close();
  return layer;
}
