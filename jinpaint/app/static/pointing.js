// Mouse, pen, fingers and the keyboard, turned into strokes, zooming and moving.
// One finger draws, two move and zoom; the middle button, or any while Space is
// held, moves. On the keyboard, Enter lowers and lifts the tool and the arrows
// move it.

const PEN_ERASER = 32;

export class Pointing {
  /** Connects the element of an Editor's canvas, and the ring in it that shows
   * the brush; `say` is told what a screen reader should read. */
  constructor(editor, element, ring, say) {
    Object.assign(this, {editor, element, ring, say});
    this.pointers = new Map();
    this.isPanning = false;
    this.spaceIsDown = false;
    this.place = null; // of the keyboard, in the picture
    const on = (type, method, options) => element.addEventListener(
      type, event => this[method](event), options);
    on('pointerdown', 'down');
    on('pointermove', 'moved');
    on('pointerup', 'up');
    on('pointercancel', 'cancelled');
    on('pointerleave', 'left');
    on('wheel', 'wheel', {passive: false});
    on('keydown', 'key');
    on('keyup', 'keyUp');
    on('blur', 'blurred');
    on('painted', 'showRing');
    on('contextmenu', 'menu');
  }

  // Where an event is, in CSS pixels of the window, which lies in the border.
  where(event) {
    const {element} = this;
    const box = element.getBoundingClientRect();
    return {
      x: event.clientX - box.left - element.clientLeft,
      y: event.clientY - box.top - element.clientTop};
  }

  inPicture(event) {
    const {x, y} = this.where(event);
    return this.editor.view.toPicture(x, y);
  }

  menu(event) {
    if (this.editor.gesture || this.isPanning) event.preventDefault();
  }

  down(event) {
    if (!this.editor.picture || event.target.closest('[role="slider"]')) return;
    this.element.focus({preventScroll: true});
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.where(event));
    this.place = null;
    if (this.pointers.size > 1) { // two fingers: what the first drew was no wish
      this.editor.cancel();
      this.isPanning = true;
    } else if (event.button === 1 || this.spaceIsDown ||
               !this.editor.isMarking) {
      this.isPanning = true;
      this.element.classList.add('panning');
    } else if (event.button === 0 || event.buttons & PEN_ERASER) {
      this.editor.start(this.inPicture(event), {
        erases: event.altKey || Boolean(event.buttons & PEN_ERASER)});
    }
    this.point = this.where(event);
    this.showRing();
  }

  moved(event) {
    this.point = this.where(event);
    const known = this.pointers.get(event.pointerId);
    if (known && this.isPanning) this.slide(event, known);
    else if (known && this.editor.gesture) {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) {
        this.editor.move(this.inPicture(one), event.shiftKey);
      }
    }
    this.hides = event.pointerType === 'touch' && !known;
    this.showRing();
  }

  // Moves the picture with one pointer, and zooms it with two.
  slide(event, known) {
    const now = this.where(event);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (!others.length) {
      this.editor.pan(now.x - known.x, now.y - known.y);
    } else {
      const [, other] = others[0];
      const span = place => Math.hypot(place.x - other.x, place.y - other.y);
      const middle = {x: (known.x + other.x) / 2, y: (known.y + other.y) / 2};
      this.editor.zoom({by: span(now) / Math.max(1, span(known)), ...middle});
      this.editor.pan((now.x - known.x) / 2, (now.y - known.y) / 2);
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.editor.finish();
    if (this.pointers.size) return;
    this.isPanning = false;
    this.element.classList.remove('panning');
    if (event.pointerType === 'touch') this.left();
  }

  cancelled(event) {
    this.editor.cancel();
    this.up(event);
  }

  left() {
    this.point = null;
    this.showRing();
  }

  wheel(event) {
    if (!this.editor.picture) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const turn = Math.min(Math.max(event.deltaY * lines, -300), 300);
    this.editor.zoom({by: Math.exp(-turn / 400), ...this.where(event)});
  }

  key(event) {
    const {editor} = this;
    if (event.target !== this.element || !editor.picture) return;
    if (event.ctrlKey || event.metaKey) return;
    const steps = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1]};
    if (event.key === ' ') {
      this.spaceIsDown = true;
      this.element.classList.add('grabbing');
    } else if (event.key in steps && this.spaceIsDown) {
      editor.pan(-40 * steps[event.key][0], -40 * steps[event.key][1]);
    } else if (event.key in steps && editor.isMarking) {
      this.step(...steps[event.key], event.shiftKey ? 1 : Math.max(
        editor.width, Math.round(8 / editor.view.scale)));
    } else if (event.key in steps) {
      editor.pan(-40 * steps[event.key][0], -40 * steps[event.key][1]);
    } else if (event.key === 'Enter' && editor.isMarking) {
      this.toggle();
    } else if (event.key === 'Escape' && editor.gesture) {
      editor.cancel();
      this.say('Cancelled.');
    } else {
      return;
    }
    event.preventDefault();
  }

  keyUp(event) {
    if (event.key !== ' ') return;
    this.spaceIsDown = false;
    this.element.classList.remove('grabbing');
  }

  blurred() {
    this.spaceIsDown = false;
    this.place = null;
    this.element.classList.remove('grabbing');
    if (!this.pointers.size) this.editor.finish();
    this.showRing();
  }

  // The keyboard's place: first the middle of what is seen.
  start() {
    const {view} = this.editor;
    this.point = null;
    this.place ??= view.toPicture(view.window.width / 2, view.window.height / 2);
    this.place.x = Math.floor(this.place.x) + 0.5;
    this.place.y = Math.floor(this.place.y) + 0.5;
  }

  step(right, down, pixels) {
    const {view} = this.editor;
    this.start();
    const bounded = (value, high) => Math.min(Math.max(value, 0.5), high - 0.5);
    this.place.x = bounded(this.place.x + right * pixels, view.picture.width);
    this.place.y = bounded(this.place.y + down * pixels, view.picture.height);
    this.editor.move(this.place = {...this.place});
    const {x, y} = view.toWindow(this.place.x, this.place.y);
    const beyond = (value, size) => Math.min(0, size - 20 - value) +
      Math.max(0, 20 - value);
    const [back, up] = [
      beyond(x, view.window.width), beyond(y, view.window.height)];
    if (back || up) this.editor.pan(back, up);
    this.showRing();
  }

  toggle() {
    this.start();
    const at = `column ${Math.floor(this.place.x)}, row ${Math.floor(this.place.y)}`;
    if (this.editor.gesture) {
      this.editor.finish();
      this.say(`Lifted at ${at}.`);
    } else {
      this.editor.start({...this.place});
      this.say(`Drawing from ${at}. Move with the arrows; Enter lifts.`);
    }
    this.showRing();
  }

  // The ring is as large as the brush, where the pointer or the keyboard is.
  showRing() {
    const {ring, editor} = this;
    const {view} = editor;
    const middle = this.place ? view.toWindow(this.place.x, this.place.y) :
      this.point;
    const isSeen = Boolean(middle) && editor.picture && editor.isMarking &&
      !this.isPanning && !this.spaceIsDown && !this.hides;
    ring.hidden = !isSeen;
    this.element.classList.toggle('marking', Boolean(editor.isMarking));
    if (!isSeen) return;
    const hasWidth = ['brush', 'eraser', 'line'].includes(editor.tool);
    const size = Math.max(hasWidth ? editor.width * view.scale : 0, 5);
    ring.classList.toggle('keyboard', Boolean(this.place));
    ring.classList.toggle('erasing', editor.tool === 'eraser');
    ring.style.width = ring.style.height = `${size}px`;
    ring.style.transform =
      `translate(${middle.x - size / 2}px, ${middle.y - size / 2}px)`;
  }
}
