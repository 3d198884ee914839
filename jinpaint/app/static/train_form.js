// The first two steps of a training: what is trained on what, and its settings.
import {getJSON, postJSON} from '/static/api.js';
import {byId, choose, complain, make} from '/static/elements.js';
import {GuideField} from '/static/guides.js';
import {
  folderTitle, imagesIn, PHOTOS_TITLE, titleOf,
} from '/static/titles.js';

let offered = null;
let data = '';
let hooks = {};
let asked = 0;
const guides = Object.fromEntries(['mask', 'edge', 'sketch'].map(
  what => [what, new GuideField(`train-${what}`)]));

const recipe = () => offered.recipes.find(
  ({name}) => name === byId('train-recipe').value);
const variant = () => recipe().variants.find(
  ({name}) => name === byId('train-variant').value);

/** Asks what can be trained, and shows it; what was chosen stays. */
export async function load() {
  offered = await getJSON('/api/recipes');
  choose(byId('train-recipe'), offered.recipes.map(({name, about}) =>
    [name, titleOf(name)]), byId('train-recipe').value || 'quickstart');
  showRecipe();
  showFolders();
}

function showRecipe() {
  const {about, variants} = recipe();
  byId('train-recipe-about').textContent = about;
  const stages = new Map(variants.map(({stage, title}) => [stage, title]));
  choose(byId('train-stage'), [...stages], variants[0].stage);
  showStage();
}

function showStage() {
  const stage = byId('train-stage').value;
  const variants = recipe().variants.filter(one => one.stage === stage);
  choose(byId('train-variant'), variants.map(({name}) => [name, name]),
    variants[0].name);
  byId('train-variant-field').hidden = variants.length < 2;
  showVariant();
}

function showVariant() {
  const {trains, needs, takes, mask, edge, sketch} = variant();
  byId('train-stage-about').textContent =
    `Trains: ${trains.join(', ').replaceAll('_', ' ')}.`;
  for (const [what, guide] of Object.entries({mask, edge, sketch})) {
    guides[what].show(guide, offered.kinds[what], offered.folders ?? []);
  }
  showRuns(needs, takes);
}

function showRuns(needs, takes) {
  const fitting = offered.runs.filter(
    ({networks}) => networks.some(name => takes.includes(name)));
  byId('train-start-field').hidden = !needs.length && !fitting.length;
  complain(byId('train-start-field'), byId('train-start-error'));
  const words = names => names.join(', ').replaceAll('_', ' ');
  byId('train-start-about').textContent = needs.length
    ? `This stage does not train the ${words(needs)}: choose the run that has.`
      + (fitting.length ? '' : ' There is none yet.')
    : 'Networks that a run has are gone on with; without one, all start afresh.';
  byId('train-start').replaceChildren(...fitting.map(
    ({name, system, stage}) => make('div', {}, make('label',
      {className: 'inline'}, make('input', {
        type: 'checkbox', name: 'start_from', value: name}),
      `${name} (${system}, ${stage})`))));
}

// --- the folder of photographs

const pathText = path =>
  path === offered.photos ? PHOTOS_TITLE : folderTitle(path);

function showFolders() {
  const {folders, photos, photos_images: images} = offered;
  byId('train-folders-about').textContent = folders === null
    ? 'For your own photographs, start jinpaint app with --data=DIR.'
    : folders.length ? 'Folders with photographs, below the folder that ' +
      'jinpaint app was started with (--data).'
      : 'There are no photographs in the folder of --data.';
  const entry = (value, text, note) => make('li', {}, make('button', {
    value, className: 'folder'}, make('span', {}, text),
  make('span', {className: 'soft numbers'}, note)));
  byId('train-folder-list').replaceChildren(
    ...(folders ?? []).map(folder => entry(
      folder.path, pathText(folder.path), imagesIn(folder))),
    entry(photos, pathText(photos), imagesIn({images})));
}

async function select(path) {
  data = path;
  complain(byId('train-select'), byId('train-data-error'));
  byId('train-path').value = pathText(path);
  const place = byId('train-data');
  place.replaceChildren();
  if (path === offered.photos) return;
  const mine = ++asked;
  const query = `path=${encodeURIComponent(path)}`;
  try {
    const found = await getJSON(`/api/datasets/folder?${query}`);
    if (mine === asked) place.replaceChildren(...described(found, query));
  } catch (error) {
    if (mine !== asked) return;
    complain(byId('train-select'), byId('train-data-error'), error.message);
  }
}

function described(found, query) {
  const size = ([height, width]) => `${width} x ${height}`;
  const sizes = !found.smallest ? '' :
    size(found.smallest) === size(found.largest) ? size(found.smallest)
      : `${size(found.smallest)} to ${size(found.largest)} pixels`;
  const notes = found.notes.map(note => make('p', {className: 'note'}, note));
  if (found.broken.length) {
    notes.push(make('p', {className: 'notice warning'},
      `${found.broken.length} of ${found.looked_at} that were looked at ` +
      `cannot be read: ${found.broken.slice(0, 3).join('; ')}` +
      (found.broken.length > 3 ? '; ...' : '')));
  }
  return [make('p', {className: 'numbers'},
    `${found.images} images: ${found.train} to train on, ` +
    `${found.validation} held out. ${sizes}`), ...notes,
  make('ul', {className: 'thumbnails'}, found.shown.map(name => make('li', {},
    make('img', {
      src: `/api/datasets/thumbnail?${query}&image=${encodeURIComponent(name)}`,
      alt: name, title: name, loading: 'lazy'}))))];
}

// --- what the form says

function configuration() {
  const started = byId('train-start').querySelectorAll(':checked');
  return {
    recipe: recipe().name, variant: variant().name, data,
    mask: guides.mask.value(), edge: guides.edge.value(),
    sketch: guides.sketch.value(),
    start_from: [...started].map(({value}) => value)};
}

/** Shows what is wrong with the first step; returns whether something is. */
function showWrong(wrong) {
  const place = (field, error) => ({
    complain: text => complain(byId(field), byId(error), text),
    focus: () => byId(field).focus()});
  const places = {data: place('train-select', 'train-data-error'), ...guides,
    start_from: place('train-start-field', 'train-start-error')};
  for (const [name, field] of Object.entries(places)) field.complain(wrong[name]);
  const first = Object.keys(places).find(name => wrong[name]);
  if (wrong.recipe) hooks.onError({message: wrong.recipe});
  else if (first) places[first].focus();
  return Boolean(wrong.recipe || first);
}

async function check(event) {
  event.preventDefault();
  try {
    const answer = await postJSON('/api/recipes/check', configuration());
    if (showWrong(answer.wrong)) return;
    showFields(answer.fields, answer.name);
    hooks.onChecked();
    byId('train-name').focus();
  } catch (error) {
    hooks.onError(error);
  }
}

// --- the second step

let fields = [];

const idOf = name => `train-field-${name.replace(/[^\w-]/g, '-')}`;

function entry({name, explanation, value, choices, usual}) {
  const id = idOf(name);
  const listening = control => {
    control.addEventListener(
      'input', () => complain(control, byId(`${id}-error`)));
    return control;
  };
  const input = () => listening(make('input', {
    id, value, spellcheck: false, autocomplete: 'off'}));
  const select = options => {
    const control = listening(make('select', {id}));
    choose(control, options, value);
    return control;
  };
  const same = names => names.map(one => [one, one]);
  let control;
  if (choices.length) control = select(same(choices));
  else if (usual.length) {
    control = select([...same(usual), ['', 'Another value ...']]);
    control.addEventListener('change', () => {
      if (control.value) return;
      const written = input();
      control.replaceWith(written);
      written.select();
    });
  } else control = input();
  return make('div', {className: 'field'},
    make('label', {htmlFor: id, title: name}, name.split('.').at(-1)), control,
    make('p', {className: 'note'}, explanation),
    make('p', {className: 'field-error', id: `${id}-error`, role: 'alert'}));
}

function showFields(given, name) {
  fields = given;
  byId('train-name').value = name;
  byId('train-options-error').textContent = '';
  complain(byId('train-name'), byId('train-name-error'));
  byId('train-table').replaceChildren(
    ...given.filter(({in_table: inTable}) => inTable).map(entry));
  const groups = Map.groupBy(given.filter(({in_table: inTable}) => !inTable),
    field => field.name.split('.').slice(0, -1).join(' '));
  byId('train-more').replaceChildren(...[...groups].map(([title, those]) =>
    make('fieldset', {}, make('legend', {}, {
      '': 'The run', data: 'Photographs and masks', options: 'The system',
    }[title] ?? title.replace('optimizers', 'Adam of the').replaceAll('_', ' ')),
    make('div', {className: 'fields'}, those.map(entry)))));
}

async function start(event) {
  event.preventDefault();
  byId('train-options-error').textContent = '';
  const button = event.submitter;
  const values = {};
  for (const {name, value} of fields) {
    const text = byId(idOf(name)).value;
    if (text !== value) values[name] = text;
  }
  if (button) button.disabled = true;
  try {
    const answer = await postJSON('/api/trainings', {
      ...configuration(), values, name: byId('train-name').value.trim()});
    const wrong = {...answer.wrong};
    for (const {name} of fields) {
      complain(byId(idOf(name)), byId(`${idOf(name)}-error`), wrong[name]);
    }
    const first = fields.find(({name}) => wrong[name]);
    if (first) {
      const field = byId(idOf(first.name));
      if (!first.in_table) byId('train-more-block').open = true;
      field.focus();
    } else if (Object.keys(wrong).length) {
      byId('train-options-error').textContent = Object.values(wrong).join(' ');
    } else hooks.onStarted(answer.name);
  } catch (error) {
    byId('train-options-error').textContent = error.message;
  } finally {
    if (button) button.disabled = false;
  }
}

export function setUp(given) {
  hooks = given;
  byId('train-recipe').addEventListener('change', showRecipe);
  byId('train-stage').addEventListener('change', showStage);
  byId('train-variant').addEventListener('change', showVariant);
  const dialog = byId('train-folders');
  byId('train-select').addEventListener('click', () => {
    dialog.returnValue = '';
    dialog.showModal();
  });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue) select(dialog.returnValue);
  });
  byId('train-configuration').addEventListener('submit', check);
  byId('train-options').addEventListener('submit', start);
  byId('train-back').addEventListener('click', () => hooks.onBack());
}
