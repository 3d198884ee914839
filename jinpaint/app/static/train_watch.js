// The third step: a training that is at work, or one that has ended.
import {getJSON, pause, postJSON} from '/static/api.js';
import {Curves} from '/static/curves.js';
import {byId, choose, clock, digits} from '/static/elements.js';

const PERIOD = 1500; // milliseconds between two questions
const LINES = 2000; // of the log that are shown

let followed = ''; // the run
let visit = 0; // each time a run is followed; what came before is over
let hooks = {};
let curves = null;
let began = null; // when this part of the training did, by this page's clock
let log = '';

export function leave() {
  visit += 1;
  followed = '';
  began = null;
}

/** Shows a run, and goes on showing it while it is trained. */
export async function follow(name) {
  if (name === followed) return;
  leave();
  const mine = visit;
  followed = name;
  curves = new Curves(byId('train-curves'));
  log = '';
  byId('train-log').textContent = '';
  byId('train-watch-title').textContent = name;
  byId('train-pictures').hidden = true;
  byId('train-picture-step').replaceChildren();
  let cursor = '';
  let place = 0;
  let state = null;
  let asked = 1;
  while (mine === visit) {
    let answer;
    try {
      answer = await getJSON(
        `/api/trainings/${encodeURIComponent(name)}?cursor=${cursor}&log=${place}`);
      hooks.onError({message: ''});
    } catch (error) {
      if (mine !== visit) return;
      hooks.onError(error);
      if (error.status) return; // the server has answered: it will not change
      await pause(2 * PERIOD);
      continue;
    }
    if (mine !== visit) return;
    ({cursor} = answer.news);
    place = answer.log.next;
    showRun(answer.run, answer.news.latest);
    showNews(name, answer.news);
    showLog(answer.log.text);
    if (answer.run.state !== state || asked % 4 === 0) hooks.onNews();
    asked += 1;
    state = answer.run.state;
    // Whoever resumes it, here or on another page, is noticed a little later.
    await pause(state === 'running' ? PERIOD : 4 * PERIOD);
  }
}

function showRun(run, latest) {
  const isRunning = run.state === 'running';
  const state = byId('train-state');
  state.textContent = hooks.states[run.state];
  state.dataset.state = run.state;
  byId('train-stop').hidden = !isRunning;
  byId('train-go-on').hidden = isRunning || run.state === 'finished';
  const use = byId('train-use');
  use.hidden = !(run.saved && run.fills && !isRunning);
  use.hash = `inpaint/${encodeURIComponent(run.name)}`;
  const message = byId('train-message');
  message.className = `notice ${
    {failed: 'error', running: ''}[run.state] ?? 'warning'}`;
  message.textContent = run.message || {
    running: run.step ? '' : 'It opens the photographs and compiles the first ' +
      'step, which takes some seconds to minutes.',
    killed: 'The training ended without a word, as if it was killed or the ' +
      'machine was switched off. Resume goes on from the last checkpoint.',
  }[run.state] || '';
  const progress = byId('train-progress');
  progress.max = run.steps || 1;
  if (run.step || !isRunning) progress.value = run.step;
  else progress.removeAttribute('value'); // it prepares itself
  byId('train-step').textContent = `${run.step} of ${run.steps || '?'}`;
  began = isRunning ? Date.now() - 1000 * run.passed : null;
  byId('train-passed').textContent = clock(run.state ? run.passed : NaN);
  byId('train-left').textContent = isRunning
    ? clock(latest.seconds_left ?? NaN) : '–';
  byId('train-speed').textContent = latest.images_per_second
    ? `${digits(latest.images_per_second)} images/s` : '–';
  for (const name of ['precision', 'recall']) {
    const value = latest[`validation/edge_${name}`];
    const place = byId(`train-${name}`);
    place.parentElement.hidden = value === undefined;
    place.textContent = digits(value);
  }
}

function showNews(name, {anew, numbers, groups, pictures}) {
  if (anew) curves.clear();
  curves.add(numbers, groups);
  const select = byId('train-picture-step');
  const steps = pictures.map(String);
  if (!steps.length || steps.join() === [...select.options].map(
    ({value}) => value).join()) return;
  byId('train-pictures').hidden = false;
  const wasLatest = select.selectedIndex === select.length - 1;
  choose(select, steps.map(step => [step, step]),
    wasLatest ? steps.at(-1) : select.value);
  showPicture(name);
}

function showPicture(name) {
  const url = `/api/trainings/${encodeURIComponent(name)}/pictures/` +
    byId('train-picture-step').value;
  byId('train-picture').src = url;
  byId('train-picture-link').href = url;
}

function showLog(text) {
  if (!text) return;
  const place = byId('train-log');
  const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
  log = (log + text).split('\n').slice(-LINES).join('\n');
  place.textContent = log;
  if (atEnd) place.scrollTop = place.scrollHeight;
}

async function ask(what, button) {
  button.disabled = true;
  const name = followed;
  try {
    await postJSON(`/api/trainings/${encodeURIComponent(name)}/${what}`);
    if (what === 'stop') {
      byId('train-state').textContent = 'ends after this step';
    } else if (name === followed) {
      leave();
      follow(name);
    }
  } catch (error) {
    hooks.onError(error);
  } finally {
    button.disabled = false;
  }
}

export function setUp(given) {
  hooks = given;
  byId('train-stop').addEventListener(
    'click', event => ask('stop', event.currentTarget));
  byId('train-go-on').addEventListener(
    'click', event => ask('go-on', event.currentTarget));
  byId('train-picture-step').addEventListener(
    'change', () => showPicture(followed));
  setInterval(() => {
    if (began !== null) {
      byId('train-passed').textContent = clock((Date.now() - began) / 1000);
    }
  }, 1000);
}
