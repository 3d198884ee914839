// Draws the picture, the layers over it, and what it is compared with. The
// layers are painted for the window alone, in the screen's pixels, whatever the
// size of the picture; a pixel that is marked is seen at every zoom.
import {union, whole} from '/static/raster.js';

const BITS = {mask: 1, sketch: 2, edges: 4};

// One colour for each combination of layers, as ImageData holds them.
function palette({whiteHoles, opacity}) {
  const words = new Uint32Array(8);
  const bytes = new Uint8ClampedArray(words.buffer);
  for (let bits = 1; bits < 8; bits++) {
    let [colour, alpha] = whiteHoles ? [[255, 255, 255], 255] :
      [[214, 40, 110], Math.round(255 * opacity)];
    if (bits & BITS.edges) [colour, alpha] = [[0, 135, 90], 255];
    // What is sketched outside the hole is not read, and so it is faint.
    if (bits & BITS.sketch) {
      [colour, alpha] = [[20, 80, 240], bits & BITS.mask ? 255 : 150];
    }
    bytes.set([...colour, alpha], 4 * bits);
  }
  return words;
}

const OUTLINE = new Uint32Array(
  Uint8ClampedArray.of(200, 30, 100, 255).buffer)[0];

export class Canvas {
  /** Draws into the two canvases of an element, as a View has it. */
  constructor(element, view) {
    this.element = element;
    this.view = view;
    [this.under, this.over] = element.querySelectorAll('canvas');
    this.picture = null;
    this.compared = null; // {picture, x}: what is drawn right of x
    this.layers = {};
    this.shown = new Set(['mask']);
    this.look = {whiteHoles: true, opacity: 0.6};
    this.colours = palette(this.look);
    this.pending = null;
    new ResizeObserver(() => this.resize()).observe(element);
  }

  setLook(look) {
    Object.assign(this.look, look);
    this.colours = palette(this.look);
    this.draw();
  }

  resize() {
    const {clientWidth, clientHeight} = this.element;
    if (!clientWidth || !clientHeight) return;
    this.ratio = devicePixelRatio || 1;
    for (const canvas of [this.under, this.over]) {
      canvas.width = Math.round(clientWidth * this.ratio);
      canvas.height = Math.round(clientHeight * this.ratio);
    }
    this.view.setWindow(clientWidth, clientHeight);
    this.#paint({picture: true, box: null});
  }

  /** Draws everything with the next frame. */
  draw() {
    this.#request({picture: true, box: null});
  }

  /** Draws a box of the layers with the next frame. */
  drawBox(box) {
    if (box) this.#request({picture: false, box});
  }

  #request({picture, box}) {
    if (!this.pending) {
      this.pending = {picture, box};
      requestAnimationFrame(() => {
        const pending = this.pending;
        this.pending = null;
        this.#paint(pending);
      });
    } else {
      this.pending = {
        picture: picture || this.pending.picture,
        box: picture || this.pending.picture ? null :
          union(box, this.pending.box)};
    }
  }

  #paint({picture, box}) {
    if (devicePixelRatio !== this.ratio) {
      this.resize(); // the window moved to another screen, or the page zoomed
      return;
    }
    if (picture) this.#paintPicture();
    this.#paintLayers(box);
    this.element.dispatchEvent(new CustomEvent('painted'));
  }

  #paintPicture() {
    const context = this.under.getContext('2d');
    const {view, ratio} = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.under.width, this.under.height);
    if (!this.picture) return;
    const [width, height] = [view.picture.width, view.picture.height];
    const s = view.scale * ratio;
    const area = [view.left * ratio, view.top * ratio, width * s, height * s];
    context.imageSmoothingEnabled = s < 2;
    context.imageSmoothingQuality = 'medium';
    const place = picture => {
      context.fillStyle = this.#checks(context);
      context.fillRect(...area);
      context.drawImage(picture, ...area);
    };
    place(this.picture);
    if (!this.compared) return;
    context.save();
    context.beginPath();
    context.rect(this.compared.x * ratio, 0, this.under.width, this.under.height);
    context.clip();
    place(this.compared.picture);
    context.restore();
  }

  // Squares behind what is transparent.
  #checks(context) {
    if (this.pattern) return this.pattern;
    const tile = new OffscreenCanvas(16, 16);
    const drawing = tile.getContext('2d');
    drawing.fillStyle = '#fff';
    drawing.fillRect(0, 0, 16, 16);
    drawing.fillStyle = '#ccc';
    drawing.fillRect(0, 0, 8, 8);
    drawing.fillRect(8, 8, 8, 8);
    this.pattern = context.createPattern(tile, 'repeat');
    return this.pattern;
  }

  // The window's pixels that a box of the picture touches, and one more around.
  #pixels(box) {
    const s = this.view.scale * this.ratio;
    const [left, top] = [this.view.left * this.ratio, this.view.top * this.ratio];
    return {
      left: Math.max(0, Math.floor(box.left * s + left) - 2),
      top: Math.max(0, Math.floor(box.top * s + top) - 2),
      right: Math.min(this.over.width, Math.ceil(box.right * s + left) + 2),
      bottom: Math.min(this.over.height, Math.ceil(box.bottom * s + top) + 2)};
  }

  #paintLayers(box) {
    const context = this.over.getContext('2d');
    const {layers} = this;
    if (!box) context.clearRect(0, 0, this.over.width, this.over.height);
    if (!layers.mask || this.compared) return;
    const area = this.#pixels(box || whole(layers.mask));
    const [width, height] = [area.right - area.left, area.bottom - area.top];
    if (width <= 0 || height <= 0) return;
    // One pixel more on each side, for the outline.
    const bits = new Uint8Array((width + 2) * (height + 2));
    for (const name of this.shown) {
      this.#collect(bits, area, width + 2, height + 2, layers[name], BITS[name]);
    }
    const image = new ImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    const {colours} = this;
    for (let y = 0; y < height; y++) {
      let i = (y + 1) * (width + 2) + 1;
      for (let out = y * width; out < (y + 1) * width; out++, i++) {
        const own = bits[i];
        const isBorder = !own && (bits[i - 1] | bits[i + 1] |
          bits[i - width - 2] | bits[i + width + 2]) & BITS.mask;
        words[out] = isBorder ? OUTLINE : colours[own];
      }
    }
    context.putImageData(image, area.left, area.top);
  }

  // Marks the screen's pixels that a layer's runs of ones cover.
  #collect(bits, area, width, height, layer, bit) {
    const {view, ratio} = this;
    const s = view.scale * ratio;
    const [left, top] = [
      view.left * ratio - area.left + 1, view.top * ratio - area.top + 1];
    const first = Math.max(0, Math.floor(-left / s));
    const last = Math.min(layer.width, Math.ceil((width - left) / s));
    // Larger than the screen's pixels, the picture's have their middle in them;
    // smaller ones are seen wherever they are.
    const begin = s >= 1 ? x => Math.ceil(x - 0.5) : Math.floor;
    for (let y = 0; y < height; y++) {
      const from = s >= 1 ? Math.floor((y + 0.5 - top) / s) :
        Math.floor((y - top) / s);
      const to = s >= 1 ? from + 1 : Math.ceil((y + 1 - top) / s);
      for (let row = Math.max(0, from); row < Math.min(to, layer.height); row++) {
        const line = layer.data.subarray(
          row * layer.width + first, row * layer.width + last);
        let start = line.indexOf(1);
        while (start >= 0) {
          let stop = line.indexOf(0, start);
          if (stop < 0) stop = line.length;
          const x0 = Math.max(0, begin((first + start) * s + left));
          const x1 = Math.max(begin((first + stop) * s + left),
            s >= 1 ? x0 : x0 + 1);
          const end = y * width + Math.min(width, x1);
          for (let i = y * width + x0; i < end; i++) bits[i] |= bit;
          start = line.indexOf(1, stop);
        }
      }
    }
  }
}
