// The border between before and after: a slider over the picture, moved by the
// pointer or by keys.

export class Slider {
  /** Connects the element over the canvas that draws what it divides. */
  constructor(element, canvas) {
    Object.assign(this, {element, canvas, share: 0.5});
    element.addEventListener('pointerdown', event => {
      event.preventDefault();
      event.stopPropagation();
      element.focus({preventScroll: true});
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener('pointermove', event => {
      if (element.hasPointerCapture(event.pointerId)) this.drag(event);
    });
    element.addEventListener('keydown', event => this.key(event));
    canvas.element.addEventListener('painted', () => this.place());
  }

  // The part of the window that shows the picture, from left to right.
  get range() {
    const {view} = this.canvas;
    const left = Math.max(0, view.left);
    const right = Math.min(
      view.window.width, view.left + view.picture.width * view.scale);
    return [left, Math.max(left, right)];
  }

  get x() {
    const [left, right] = this.range;
    return left + this.share * (right - left);
  }

  /** Shows a picture right of the border, or hides both (null). */
  show(picture) {
    this.element.hidden = !picture;
    this.canvas.element.classList.toggle('comparing', Boolean(picture));
    this.canvas.compared = picture && {picture, x: this.x};
    this.canvas.draw();
  }

  drag(event) {
    const [left, right] = this.range;
    const {element} = this.canvas;
    const x = event.clientX - element.getBoundingClientRect().left -
      element.clientLeft;
    this.set((x - left) / (right - left || 1));
  }

  key(event) {
    const moves = {
      ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02,
      PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1};
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    this.set(this.share + moves[event.key]);
  }

  set(share) {
    this.share = Math.min(Math.max(share, 0), 1);
    this.canvas.draw();
    this.place();
  }

  // Where zooming and moving have put it.
  place() {
    const {compared} = this.canvas;
    if (!compared) return;
    const {x} = this;
    if (compared.x !== x) {
      compared.x = x;
      this.canvas.draw();
    }
    this.element.style.transform = `translateX(${x}px)`;
    const percent = Math.round(100 * this.share);
    this.element.setAttribute('aria-valuenow', percent);
    this.element.setAttribute('aria-valuetext',
      `${percent} % before, ${100 - percent} % after`);
  }
}
