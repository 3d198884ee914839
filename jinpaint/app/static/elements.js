// Elements of the page, made of data. Texts are texts: nothing is parsed.

export const byId = id => document.getElementById(id);

/** Returns an element with properties (class and aria-... as attributes). */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(child => child !== ''));
  return element;
}

/** Fills a select with [value, text] pairs; keeps the choice if it is there. */
export function choose(select, options, chosen = select.value) {
  select.replaceChildren(...options.map(([value, text]) =>
    make('option', {value, textContent: text})));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** Says what is wrong with a field below it, or nothing. */
export function complain(field, error, text = '') {
  error.textContent = text;
  field.setAttribute('aria-invalid', Boolean(text));
  if (text) field.setAttribute('aria-describedby', error.id);
  else field.removeAttribute('aria-describedby');
}

/** Returns seconds as 1:02:03. */
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  const two = number => String(number).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:` +
    two(whole % 60);
}

/** Returns a number with four digits. */
export function digits(number) {
  if (number === null || number === undefined) return '–';
  const size = Math.abs(number);
  return size !== 0 && (size < 1e-3 || size >= 1e6)
    ? number.toExponential(2) : String(Number(number.toPrecision(4)));
}
