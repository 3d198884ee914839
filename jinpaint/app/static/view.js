// Where the picture lies in its window: how many screen pixels a picture's pixel
// takes, and where its corner is. All in CSS pixels of the window; the screen's
// own resolution is the canvas's affair.

const LARGEST = 64;
const bounded = (value, low, high) => Math.min(Math.max(value, low), high);

export class View {
  constructor() {
    this.window = {width: 1, height: 1};
    this.picture = {width: 1, height: 1};
    this.isFitted = true;
    this.fit();
  }

  /** The scale at which the whole picture is seen. */
  get fitting() {
    return Math.min(this.window.width / this.picture.width,
      this.window.height / this.picture.height);
  }

  setPicture(width, height) {
    this.picture = {width, height};
    this.fit();
  }

  /** A new size of the window keeps its centre, or the whole picture, in it. */
  setWindow(width, height) {
    const [right, down] = [
      (width - this.window.width) / 2, (height - this.window.height) / 2];
    this.window = {width, height};
    if (this.isFitted) this.fit();
    else this.pan(right, down);
  }

  fit() {
    this.scale = Math.min(this.fitting, LARGEST);
    this.left = (this.window.width - this.picture.width * this.scale) / 2;
    this.top = (this.window.height - this.picture.height * this.scale) / 2;
    this.isFitted = true;
  }

  /** Zooms so that the place of the window stays over the same pixel. */
  zoomTo(scale, x = this.window.width / 2, y = this.window.height / 2) {
    const place = this.toPicture(x, y);
    this.scale = bounded(scale, Math.min(this.fitting / 2, 1), LARGEST);
    this.left = x - place.x * this.scale;
    this.top = y - place.y * this.scale;
    this.isFitted = false;
    this.pan(0, 0);
  }

  /** Moves the picture; some of it always stays in the window. */
  pan(right, down) {
    const edge = 32;
    const [width, height] = [
      this.picture.width * this.scale, this.picture.height * this.scale];
    this.left = bounded(
      this.left + right, edge - width, this.window.width - edge);
    this.top = bounded(this.top + down, edge - height, this.window.height - edge);
    if (right || down) this.isFitted = false;
  }

  toPicture(x, y) {
    return {x: (x - this.left) / this.scale, y: (y - this.top) / this.scale};
  }

  toWindow(x, y) {
    return {x: x * this.scale + this.left, y: y * this.scale + this.top};
  }
}
