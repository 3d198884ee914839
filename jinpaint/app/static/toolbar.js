// The controls of marking, kept equal to what the editor has in hand, and the
// keys that choose among them.
import {WIDEST} from '/static/editor.js';

const WIDTHS = [5, 7, 11, 13, 15];
const KEYS = {b: 'brush', l: 'line', r: 'rectangle', o: 'lasso', e: 'eraser'};
const NOTES = {
  mask: 'Paint over what should be filled.',
  sketch: 'Draw the lines that the filling should follow. Those outside the ' +
    'mask are not read.',
  edges: 'The edges that the model is given. Draw those that belong into the ' +
    'hole; erase those that do not.'};
const byId = id => document.getElementById(id);
const radios = name => [...document.querySelectorAll(`input[name="${name}"]`)];

/** Says whether keys are typed into an element, and so mean nothing else. */
export function isTypedInto(element) {
  if (element.closest('select, textarea, [contenteditable], dialog')) return true;
  return element.matches('input:not([type="checkbox"], [type="radio"], ' +
    '[type="button"])');
}

export class Toolbar {
  constructor(editor, panel) {
    Object.assign(this, {editor, panel});
    for (const name of ['tool', 'layer']) {
      for (const radio of radios(name)) {
        radio.addEventListener(
          'change', () => editor.choose({[name]: radio.value}));
      }
    }
    for (const radio of radios('width')) {
      radio.addEventListener(
        'change', () => editor.choose({width: Number(radio.value)}));
    }
    byId('width').addEventListener('change', () => {
      editor.choose({width: byId('width').valueAsNumber || editor.width});
    });
    byId('width').addEventListener('input', () => {
      const width = byId('width').valueAsNumber;
      if (width >= 1 && width <= WIDEST) {
        editor.widths[editor.layer] = Math.round(width);
      }
    });
    const click = (id, action) => byId(id).addEventListener('click', action);
    click('undo', () => editor.undo());
    click('redo', () => editor.redo());
    click('clear', () => editor.clear());
    click('invert', () => editor.invert());
    click('grow', () => this.grow(1));
    click('shrink', () => this.grow(-1));
    click('zoom-in', () => editor.zoom({by: 1.5}));
    click('zoom-out', () => editor.zoom({by: 1 / 1.5}));
    click('zoom-fit', () => editor.zoom({to: 'fit'}));
    click('zoom-whole', () => editor.zoom({to: 1}));
    byId('white').addEventListener('change', () => this.look());
    byId('opacity').addEventListener('input', () => this.look());
    editor.addEventListener('tool', () => this.show());
    editor.addEventListener('change', () => this.show());
    editor.canvas.element.addEventListener('painted', () => {
      byId('zoom').textContent = editor.picture ?
        `${Math.round(100 * editor.view.scale)} %` : '';
    });
    document.addEventListener('keydown', event => this.key(event));
    this.show();
  }

  look() {
    const whiteHoles = byId('white').checked;
    byId('opacity').disabled = whiteHoles;
    this.editor.canvas.setLook(
      {whiteHoles, opacity: byId('opacity').valueAsNumber / 100});
  }

  grow(sign) {
    const field = byId('grow-by');
    if (!field.reportValidity()) return;
    this.editor.grow(sign * field.valueAsNumber);
  }

  show() {
    const {editor} = this;
    for (const radio of radios('tool')) radio.checked = radio.value === editor.tool;
    const {shown} = editor.canvas;
    for (const radio of radios('layer')) {
      radio.checked = radio.value === editor.layer;
      radio.parentElement.hidden = !shown.has(radio.value);
    }
    byId('layer-block').hidden = shown.size < 2;
    byId('layer-note').textContent = NOTES[editor.layer];
    for (const name of document.querySelectorAll('.layer-name')) {
      name.textContent = editor.layer === 'edges' ? 'edge map' : editor.layer;
    }
    for (const radio of radios('width')) {
      radio.checked = Number(radio.value) === editor.width;
    }
    byId('width').value = editor.width;
    for (const id of ['clear', 'invert', 'zoom-in', 'zoom-out', 'zoom-fit',
      'zoom-whole']) {
      byId(id).disabled = !editor.picture;
    }
    byId('undo').disabled = !editor.history.canUndo;
    byId('redo').disabled = !editor.history.canRedo;
  }

  // The next of the usual widths, or beyond them a tenth more or less.
  widen(sign) {
    const {width} = this.editor;
    const next = sign > 0 ? WIDTHS.find(one => one > width) :
      WIDTHS.findLast(one => one < width);
    this.editor.choose(
      {width: next ?? width + sign * Math.max(1, Math.round(width / 10))});
  }

  key(event) {
    const {editor} = this;
    if (this.panel.hidden || !editor.picture || isTypedInto(event.target)) return;
    const key = event.key.toLowerCase();
    const actions = {
      '+': () => editor.zoom({by: 1.5}), '=': () => editor.zoom({by: 1.5}),
      '-': () => editor.zoom({by: 1 / 1.5}),
      0: () => editor.zoom({to: 'fit'})};
    const marking = {
      '[': () => this.widen(-1), ']': () => this.widen(1),
      x: () => editor.swap()};
    let action;
    if (event.ctrlKey || event.metaKey) {
      if (!editor.isMarking || event.altKey) return;
      if (key === 'z') action = () => event.shiftKey ? editor.redo() : editor.undo();
      if (key === 'y') action = () => editor.redo();
    } else if (event.altKey && !(key in marking)) {
      return;
    } else if (key in actions) {
      action = actions[key];
    } else if (editor.isMarking && key in KEYS) {
      action = () => editor.choose({tool: KEYS[key]});
    } else if (editor.isMarking) {
      action = marking[key];
    }
    if (!action) return;
    event.preventDefault();
    action();
  }
}
