// One movement of a tool over a layer, from where the pointer goes down to where
// it goes up. A line, a rectangle or a lasso is drawn anew at each move, from
// what the layer was; so what is seen while drawing is what will be.
import {difference} from '/static/history.js';
import {drawLine, drawPolygon, drawRectangle, union} from '/static/raster.js';

// Keeps a line to multiples of 45 degrees.
function straighten(start, {x, y}) {
  const [dx, dy] = [x - start.x, y - start.y];
  const angle = Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) * Math.PI / 4;
  const length = dx * Math.cos(angle) + dy * Math.sin(angle);
  return {
    x: start.x + length * Math.cos(angle), y: start.y + length * Math.sin(angle)};
}

function square(start, {x, y}) {
  const [dx, dy] = [x - start.x, y - start.y];
  const side = Math.max(Math.abs(dx), Math.abs(dy));
  return {x: start.x + Math.sign(dx) * side, y: start.y + Math.sign(dy) * side};
}

export class Gesture {
  /** Starts at a place of the picture. Value 0 erases. */
  constructor({tool, layer, width, value}, place) {
    Object.assign(this, {tool, layer, width, value});
    this.before = layer.data.slice();
    this.points = [place];
    this.box = null; // all that was ever touched
    this.last = null; // what the last shape touched, to be drawn anew
    this.touched = this.#draw(place, place, false);
  }

  /** Goes on to a place and returns the box that is to be painted. */
  move(place, isConstrained) {
    const previous = this.points.at(-1);
    this.points.push(place);
    return this.#draw(previous, place, isConstrained);
  }

  #draw(previous, place, isConstrained) {
    const {tool, layer, width, value} = this;
    const [start] = this.points;
    if (tool === 'brush' || tool === 'eraser') {
      const box = drawLine(layer, previous, place, width, value);
      this.box = union(this.box, box);
      return box;
    }
    const old = this.last;
    this.#restore(old);
    if (tool === 'line') {
      const end = isConstrained ? straighten(start, place) : place;
      this.last = drawLine(layer, start, end, width, value);
    } else if (tool === 'rectangle') {
      const end = isConstrained ? square(start, place) : place;
      this.last = drawRectangle(layer, start, end, value);
    } else {
      this.last = drawPolygon(layer, this.points, value);
    }
    this.box = union(this.box, this.last);
    return union(old, this.last);
  }

  #restore(box) {
    if (!box) return;
    const {width, data} = this.layer;
    for (let y = box.top; y < box.bottom; y++) {
      const [from, to] = [y * width + box.left, y * width + box.right];
      data.set(this.before.subarray(from, to), from);
    }
  }

  /** Undoes what was drawn and returns the box that is to be painted. */
  cancel() {
    this.#restore(this.box);
    return this.box;
  }

  /** Returns the runs of pixels that have changed. */
  finish() {
    return this.box ? difference(this.before, this.layer, this.box) :
      new Uint32Array(0);
  }
}
