// The Train tab: three steps, one after the other, and the runs that there are.
// The address names the run that is watched: #train/NAME.
import {getJSON} from '/static/api.js';
import {byId, make} from '/static/elements.js';
import * as titles from '/static/titles.js';
import * as form from '/static/train_form.js';
import * as watch from '/static/train_watch.js';

const panel = byId('panel-train');
const SHOWN = {1: 'train-configuration', 2: 'train-options', 3: 'train-watch'};
const STATES = {...titles.STATES, '': 'not trained here'};

function show(step) {
  for (const [number, id] of Object.entries(SHOWN)) {
    byId(id).hidden = Number(number) !== step;
    const item = byId(`train-step-${number}`);
    item.classList.toggle('done', Number(number) < step);
    if (Number(number) === step) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
  }
  byId('train-new').hidden = step !== 3;
  byId('train-error').textContent = '';
  if (step !== 3) watch.leave();
}

function fail(error) {
  byId('train-error').textContent = error.message;
}

const named = () => decodeURIComponent(location.hash.split('/')[1] ?? '');

function open(name) {
  const hash = `#train/${encodeURIComponent(name)}`;
  if (location.hash !== hash) history.replaceState(null, '', hash);
  show(3);
  watch.follow(name);
}

async function showRuns() {
  const {runs} = await getJSON('/api/trainings');
  byId('train-runs-block').hidden = !runs.length;
  byId('train-runs').replaceChildren(...runs.map(run => make('tr', {},
    make('th', {scope: 'row', className: 'word'}, make('a', {
      href: `#train/${encodeURIComponent(run.name)}`}, run.name)),
    make('td', {className: 'word'}, `${run.system}, ${run.stage}`),
    make('td', {className: 'word'}, STATES[run.state]),
    make('td', {}, `${run.step} / ${run.steps || '?'}`))));
  return runs;
}

// Whether the page has been looked at: a reload finds the training at work,
// but who wants to begin a new one is not led back to it.
let begun = false;

async function arrive() {
  try {
    const runs = await showRuns();
    const working = runs.find(run => run.state === 'running');
    if (named()) open(named());
    else if (working && !begun) open(working.name);
    else if (!begun) {
      show(1);
      await form.load();
    }
    begun = true;
  } catch (error) {
    fail(error);
  }
}

async function begin() {
  history.replaceState(null, '', '#train');
  show(1);
  try {
    await form.load();
    await showRuns();
  } catch (error) {
    fail(error);
  }
}

form.setUp({
  onChecked: () => show(2), onBack: () => show(1), onError: fail,
  onStarted: async name => {
    open(name);
    await showRuns();
  }});
watch.setUp({states: STATES, onError: fail, onNews: () => showRuns().catch(fail)});
byId('train-new').addEventListener('click', begin);
panel.addEventListener('shown', arrive);
if (!panel.hidden) arrive();
