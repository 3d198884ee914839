'use strict';
// The page can be read without this script, which adds what moves: values under
// the pointer, a switch of measures, pictures over time, enlarged pictures.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const bounded = (value, low, high) => Math.min(Math.max(value, low), high);

document.documentElement.classList.add('scripted');

// Where the report is a part of a page, the address says which theme that has.
const follow = () => {
  const [, theme] = /^#theme=(light|dark|system)$/.exec(location.hash) ?? [];
  if (theme) document.documentElement.dataset.theme = theme;
};
addEventListener('hashchange', follow);
follow();

// A select shows one of the children of the element that it names.
for (const select of all('[data-switches]')) {
  const children = [...document.getElementById(select.dataset.switches).children];
  const show = () => children.forEach((child, i) => {
    child.hidden = i !== select.selectedIndex;
  });
  select.addEventListener('change', show);
  show();
}

// Curves tell their values at the step under the pointer, or under the cursor
// that the arrow keys move.
const short = value => Number(value.toPrecision(5)).toString();

for (const plot of all('svg.curves')) {
  const readout = plot.parentElement.querySelector('.readout');
  const cursor = plot.querySelector('.cursor');
  const atRest = readout.textContent;
  const series = all('[data-points]', plot).map(group => ({
    name: group.dataset.name, points: JSON.parse(group.dataset.points)}));
  const places = [...new Set(series.flatMap(
    one => one.points.map(point => point[0])))].sort((a, b) => a - b);
  let current = places.length - 1;

  const nearest = (points, place) => points.reduce((best, point) =>
    Math.abs(point[0] - place) < Math.abs(best[0] - place) ? point : best);
  const tell = () => {
    const place = places[current];
    cursor.removeAttribute('hidden');
    cursor.setAttribute('transform', `translate(${place} 0)`);
    readout.textContent = series.filter(one => one.points.length).map(one => {
      const [, , step, value] = nearest(one.points, place);
      const name = series.length > 1 ? `${one.name}, ` : '';
      return `${name}step ${short(step)}: ${short(value)}`;
    }).join('; ');
  };
  const rest = () => {
    cursor.setAttribute('hidden', '');
    readout.textContent = atRest;
  };
  if (!places.length) continue;
  plot.addEventListener('pointermove', event => {
    const box = plot.getBoundingClientRect();
    const place = (event.clientX - box.left) / box.width *
      plot.viewBox.baseVal.width;
    current = places.indexOf(nearest(places.map(x => [x]), place)[0]);
    tell();
  });
  plot.addEventListener('pointerleave', rest);
  plot.addEventListener('blur', rest);
  plot.addEventListener('keydown', event => {
    const move = {ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity};
    if (!(event.key in move)) return;
    event.preventDefault();
    current = bounded(current + move[event.key], 0, places.length - 1);
    tell();
  });
}

// A slider shows one of the figures of a training.
for (const timeline of all('.timeline')) {
  const slider = timeline.querySelector('input');
  const figures = all('figure', timeline);
  const show = () => {
    figures.forEach((figure, i) => { figure.hidden = i !== Number(slider.value); });
    const shown = figures[slider.value];
    if (shown) timeline.querySelector('output').textContent = shown.dataset.step;
  };
  slider.addEventListener('input', show);
  show();
}

const press = (button, isPressed, element) => {
  button.setAttribute('aria-pressed', isPressed);
  element.classList.toggle('no-outline', !isPressed);
};
const toggle = (button, element) => press(
  button, button.getAttribute('aria-pressed') !== 'true', element);

for (const button of all('[data-outline]')) {
  button.addEventListener(
    'click', () => toggle(button, button.closest('.gallery')));
}

// A picture that is clicked opens in a dialog beside all others of its row. All
// of them show the same place: it is kept in properties of their parent.
const dialog = document.getElementById('zoom');
const views = dialog.querySelector('.views');
const place = {scale: 1, left: 0, top: 0};

const apply = () => {
  place.scale = bounded(place.scale, 1, 32);
  for (const side of ['left', 'top']) {
    place[side] = bounded(place[side], 100 - 100 * place.scale, 0);
  }
  for (const [name, value] of Object.entries(place)) {
    views.style.setProperty(`--${name}`, value);
  }
};
// x and y stay where they are, in hundredths of a picture.
const zoom = (factor, x = 50, y = 50) => {
  const scale = bounded(place.scale * factor, 1, 32);
  const ratio = scale / place.scale;
  Object.assign(place, {
    scale, left: x - (x - place.left) * ratio, top: y - (y - place.top) * ratio});
  apply();
};
const move = (right, down) => {
  place.left += right;
  place.top += down;
  apply();
};
const whole = () => {
  Object.assign(place, {scale: 1, left: 0, top: 0});
  apply();
};

const open = button => {
  const group = button.closest('[data-views]');
  document.getElementById('zoom-title').textContent = group.dataset.views;
  const buttons = group.classList.contains('timeline') ? [button] :
    all('.picture', group);
  views.replaceChildren(...buttons.map(other => {
    const figure = document.createElement('figure');
    const frame = document.createElement('div');
    frame.className = 'window';
    frame.append(...[...other.children].map(child => child.cloneNode(true)));
    const caption = other.closest('figure').querySelector('figcaption');
    figure.append(frame, ...(caption ? [caption.cloneNode(true)] : []));
    return figure;
  }));
  views.classList.toggle('one', buttons.length === 1);
  const toggler = dialog.querySelector('[data-zoom="outline"]');
  toggler.hidden = !views.querySelector('.outline');
  press(toggler, !button.closest('.no-outline'), views);
  whole();
  dialog.showModal();
};
for (const button of all('.picture')) {
  button.addEventListener('click', () => open(button));
}

const actions = {
  in: () => zoom(1.5), out: () => zoom(1 / 1.5), whole,
  outline: button => toggle(button, views), close: () => dialog.close()};
for (const button of all('[data-zoom]')) {
  button.addEventListener('click', () => actions[button.dataset.zoom](button));
}
dialog.addEventListener('keydown', event => {
  const keys = {
    ArrowLeft: () => move(10, 0), ArrowRight: () => move(-10, 0),
    ArrowUp: () => move(0, 10), ArrowDown: () => move(0, -10),
    '+': actions.in, '=': actions.in, '-': actions.out, 0: whole};
  if (!(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
views.addEventListener('wheel', event => {
  const frame = event.target.closest('.window');
  if (!frame) return;
  event.preventDefault();
  const box = frame.getBoundingClientRect();
  zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2,
    100 * (event.clientX - box.left) / box.width,
    100 * (event.clientY - box.top) / box.height);
}, {passive: false});
views.addEventListener('pointerdown', event => {
  const frame = event.target.closest('.window');
  if (!frame) return;
  event.preventDefault();
  frame.setPointerCapture(event.pointerId);
});
views.addEventListener('pointermove', event => {
  const frame = event.target.closest('.window');
  if (!frame || !frame.hasPointerCapture(event.pointerId)) return;
  // A picture that is shown whole does not move: a finger scrolls the page.
  if (place.scale === 1) {
    views.scrollBy(0, -event.movementY);
    return;
  }
  const box = frame.getBoundingClientRect();
  move(100 * event.movementX / box.width, 100 * event.movementY / box.height);
});
