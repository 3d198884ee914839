// A field for masks, edge maps or sketches, see `guide.html`: which kind, what
// belongs to it, and for files their folder.
import {byId, choose, complain} from '/static/elements.js';

export class GuideField {
  /** Finds the field whose elements have ids that begin so. */
  constructor(id) {
    this.id = id;
    this.kinds = [];
    this.own = null;
    this.#part().addEventListener('change', () => this.#change());
  }

  #part(name = '') { return byId(`${this.id}${name && `-${name}`}`); }

  /** Shows a guide ({kind, options}); null hides the field.
   *
   * `folders` are offered for files. `first`, if there is one, is a choice
   * [value, text] that is no kind. */
  show(guide, kinds, folders, first = null) {
    this.own = guide;
    this.kinds = kinds;
    this.#part('field').hidden = !guide;
    if (!guide) return;
    choose(this.#part(), [...(first ? [first] : []),
      ...kinds.map(({name, title}) => [name, title])], guide.kind);
    this.#part('options').value = guide.options;
    choose(this.#part('folder'), [['', 'Choose a folder'],
      ...folders.map(({path}) => [path, path])]);
    this.#showKind();
  }

  #showKind() {
    const kind = this.kinds.find(({name}) => name === this.#part().value);
    this.complain();
    this.#part('about').textContent = !kind ? '' : [
      kind.about, kind.options.length && `Options: ${kind.options.join('; ')}.`,
    ].filter(Boolean).join(' ');
    for (const [element, isShown] of [
      [this.#part('options'), kind?.options.length],
      [this.#part('folder'), kind?.reads_files]]) {
      element.hidden = !isShown;
      element.labels[0].hidden = !isShown;
    }
  }

  #change() {
    const {kind, options} = this.own;
    this.#part('options').value = this.#part().value === kind ? options : '';
    this.#showKind();
  }

  /** Returns what the form says; null where the field is hidden. */
  value() {
    if (!this.own) return null;
    const shown = part => part.hidden ? '' : part.value.trim();
    return {kind: this.#part().value, options: shown(this.#part('options')),
      folder: shown(this.#part('folder'))};
  }

  complain(text = '') { complain(this.#part(), this.#part('error'), text); }

  focus() { this.#part().focus(); }
}
