// The drawing on a picture: its layers, the tool in hand, and what was done.
// It dispatches `change` when a layer has changed and `tool` when what is in
// hand has; the pointer and the keys reach it through pointing.js.
import {Canvas} from '/static/canvas.js';
import {Gesture} from '/static/gesture.js';
import {difference, History} from '/static/history.js';
import {
  clear, count, createLayer, grow, invert, isEmpty, whole,
} from '/static/raster.js';
import {View} from '/static/view.js';

export const LAYERS = ['mask', 'sketch', 'edges'];
export const WIDEST = 999;

export class Editor extends EventTarget {
  constructor(element) {
    super();
    this.view = new View();
    this.canvas = new Canvas(element, this.view);
    this.history = new History();
    this.layers = {};
    this.layer = 'mask';
    this.tool = 'brush';
    this.widths = {mask: 13, sketch: 3, edges: 1};
    this.gesture = null;
    this.picture = null;
    this.isMarking = true; // false while a result is shown
  }

  get width() { return this.widths[this.layer]; }

  #tell(type) { this.dispatchEvent(new Event(type)); }

  /** Takes in a picture of a size, and new layers; what was drawn is gone. */
  open(picture) {
    this.gesture = null;
    this.layers = Object.fromEntries(LAYERS.map(
      name => [name, createLayer(picture.width, picture.height)]));
    this.history.reset();
    this.#show(picture);
    this.view.setPicture(picture.width, picture.height);
    this.#tell('change');
  }

  /** Puts another picture of the same size below the layers, which are cleared;
   * undoing brings them back. */
  replace(picture) {
    this.#show(picture);
    for (const name of LAYERS) this.apply(clear, name);
  }

  #show(picture) {
    this.picture?.close();
    this.picture = picture;
    Object.assign(this.canvas, {picture, layers: this.layers, compared: null});
    this.isMarking = true;
    this.canvas.draw();
  }

  /** Chooses which layers are seen and can be drawn on. */
  setLayers(names) {
    this.finish();
    this.canvas.shown = new Set(names);
    if (!names.includes(this.layer)) this.layer = 'mask';
    this.canvas.draw();
    this.#tell('tool');
  }

  choose({tool = this.tool, layer = this.layer, width = null}) {
    this.finish();
    this.tool = tool;
    if (this.canvas.shown.has(layer)) this.layer = layer;
    if (width) {
      this.widths[this.layer] = Math.min(Math.max(1, Math.round(width)), WIDEST);
    }
    this.#tell('tool');
  }

  /** Goes to the next of the layers that are shown. */
  swap() {
    const names = LAYERS.filter(name => this.canvas.shown.has(name));
    const next = (names.indexOf(this.layer) + 1) % names.length;
    this.choose({layer: names[next]});
  }

  /** Changes a layer by a function of it, as one step that can be undone. */
  apply(change, name = this.layer) {
    this.finish();
    const layer = this.layers[name];
    if (!layer) return;
    const before = layer.data.slice();
    change(layer);
    this.history.add(name, difference(before, layer, whole(layer)));
    this.canvas.drawBox(whole(layer));
    this.#tell('change');
  }

  clear() { this.apply(clear); }
  invert() { this.apply(invert); }
  grow(pixels) { this.apply(layer => grow(layer, pixels)); }

  /** Draws what another layer of the same size holds, in place of its own. */
  load(name, {data}) { this.apply(layer => layer.data.set(data), name); }

  undo() { this.#step('undo'); }
  redo() { this.#step('redo'); }

  #step(direction) {
    if (this.gesture) {
      this.cancel();
      return;
    }
    const change = this.history[direction](this.layers);
    if (!change) return;
    this.canvas.drawBox(change.box);
    this.#tell('change');
  }

  isEmpty(name = 'mask') {
    return !this.layers[name] || isEmpty(this.layers[name]);
  }

  /** Returns the share of the picture that a layer marks, from 0 to 1. */
  share(name = 'mask') {
    const layer = this.layers[name];
    return layer ? count(layer) / layer.data.length : 0;
  }

  start(place, {erases = false} = {}) {
    if (!this.picture || !this.isMarking) return;
    this.finish();
    this.gesture = new Gesture({
      tool: this.tool, layer: this.layers[this.layer], width: this.width,
      value: erases || this.tool === 'eraser' ? 0 : 1}, place);
    this.canvas.drawBox(this.gesture.touched);
  }

  move(place, isConstrained = false) {
    if (this.gesture) {
      this.canvas.drawBox(this.gesture.move(place, isConstrained));
    }
  }

  finish() {
    if (!this.gesture) return;
    const runs = this.gesture.finish();
    this.gesture = null;
    this.history.add(this.layer, runs);
    this.#tell('change');
  }

  cancel() {
    if (!this.gesture) return;
    this.canvas.drawBox(this.gesture.cancel());
    this.gesture = null;
  }

  /** Zooms by a factor, to a scale, or ('fit') to the whole picture. */
  zoom({by = 1, to = null, x, y}) {
    if (to === 'fit') this.view.fit();
    else this.view.zoomTo(to ?? this.view.scale * by, x, y);
    this.canvas.draw();
  }

  pan(right, down) {
    this.view.pan(right, down);
    this.canvas.draw();
  }
}
