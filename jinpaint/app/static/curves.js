// Curves of numbers over steps, one panel a number, drawn by uPlot, which
// `train.html` loads.
import {byId, digits, make} from '/static/elements.js';

const {uPlot} = globalThis;
const HEIGHT = 150;
const CLOSED = new Set(['Norms of gradients', 'Learning rates', 'Speed']);
const ORDER = ['Losses', 'Scores on held-out images', 'Speed',
  'Learning rates', 'Norms of gradients'];
const HIDDEN = new Set(['seconds_left']);

/** Returns a colour of the theme as the canvas understands it. */
function colour(name) {
  const probe = make('span', {hidden: true});
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const {color} = getComputedStyle(probe);
  probe.remove();
  return color;
}

class Panel {
  constructor(name) {
    this.values = new Map();
    this.plot = null;
    this.number = make('span', {className: 'numbers soft'});
    this.place = make('div', {className: 'curve'});
    const title = name.split('/').at(-1).replaceAll('_', ' ');
    this.element = make('figure', {className: 'curve-panel'},
      make('figcaption', {}, make('span', {}, title), this.number), this.place);
  }

  add(steps, values) {
    steps.forEach((step, place) => this.values.set(step, values[place]));
    this.number.textContent = digits(values.at(-1));
  }

  draw() {
    const width = this.place.clientWidth;
    if (!width) return; // not shown
    const steps = [...this.values.keys()].sort((a, b) => a - b);
    const data = [steps, steps.map(step => this.values.get(step))];
    if (data[1].every(value => value === null)) {
      this.place.textContent = `Not finite at step ${steps.at(-1)}, nor before.`;
      return;
    }
    if (this.plot) {
      this.plot.setSize({width, height: HEIGHT});
      this.plot.setData(data);
      return;
    }
    const soft = colour('soft');
    const grid = {stroke: colour('line'), width: 0.5};
    const axis = {stroke: soft, grid, ticks: grid, font: '11px system-ui'};
    this.place.textContent = '';
    this.plot = new uPlot({
      width, height: HEIGHT, legend: {show: false},
      cursor: {points: {size: 6}, y: false},
      scales: {x: {time: false}},
      axes: [{...axis, size: 28, space: 60,
        values: (_, ticks) => ticks.map(short)},
      {...axis, size: (_, labels) => 16 + 7 * Math.max(
        3, ...(labels ?? []).map(({length}) => length)), values: (_, ticks) => ticks.map(digits)}],
      series: [{}, {stroke: colour('series-0'), width: 1.5,
        points: {show: steps.length < 2}}],
      hooks: {setCursor: [plot => {
        const {idx} = plot.cursor;
        this.number.textContent = idx === null || idx === undefined
          ? digits(plot.data[1].at(-1))
          : `step ${plot.data[0][idx]}: ${digits(plot.data[1][idx])}`;
      }]},
    }, data, this.place);
  }

  forget() {
    this.plot?.destroy();
    this.plot = null;
  }
}

const short = step => step >= 1e6 ? `${step / 1e6}M`
  : step >= 1e4 ? `${step / 1e3}k` : String(step);

let current = null;

export class Curves {
  constructor(place) {
    this.place = place;
    current = this;
    this.clear();
  }

  clear() {
    this.panels?.forEach(panel => panel.forget());
    this.panels = new Map();
    this.grids = new Map();
    this.place.replaceChildren();
  }

  add(numbers, groups) {
    for (const [name, [steps, values]] of Object.entries(numbers)) {
      if (HIDDEN.has(name)) continue;
      if (!this.panels.has(name)) {
        const panel = new Panel(name);
        this.panels.set(name, panel);
        this.gridOf(groups[name]).append(panel.element);
      }
      this.panels.get(name).add(steps, values);
    }
    this.draw();
  }

  gridOf(title) {
    if (!this.grids.has(title)) {
      const grid = make('div', {className: 'curves'});
      const block = make('details', {open: !CLOSED.has(title)},
        make('summary', {}, make('h3', {}, title)), grid);
      block.dataset.order = (ORDER.indexOf(title) + 99) % 99;
      block.addEventListener('toggle', () => this.draw());
      const later = [...this.place.children].find(
        other => Number(other.dataset.order) > Number(block.dataset.order));
      this.place.insertBefore(block, later ?? null);
      this.grids.set(title, grid);
    }
    return this.grids.get(title);
  }

  draw() {
    for (const panel of this.panels.values()) panel.draw();
  }

  redraw() { // in other colours
    for (const panel of this.panels.values()) panel.forget();
    this.draw();
  }
}

let waiting = 0;
addEventListener('resize', () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => current?.draw());
});
byId('panel-train').addEventListener('shown', () => current?.draw());
matchMedia('(prefers-color-scheme: dark)').addEventListener(
  'change', () => current?.redraw());
new MutationObserver(() => current?.redraw()).observe(
  document.documentElement, {attributeFilter: ['data-theme']});
