// Evaluations of runs: one is begun, watched and stopped.
import {getJSON, pause, postJSON} from '/static/api.js';
import {byId, choose, clock, complain} from '/static/elements.js';
import {GuideField} from '/static/guides.js';
import {folderTitle, imagesIn, PHOTOS_TITLE, STATES} from '/static/titles.js';

const PERIOD = 1000; // milliseconds between two questions
const OWN = {kind: '', options: ''};

const mask = new GuideField('evaluate-mask');
let visit = 0; // what was watched before is over
let followed = '';
let hooks = {};

/** Shows what can be evaluated, and what is being evaluated. */
export async function show(runs) {
  const saved = runs.filter(run => run.saved);
  byId('evaluate-block').hidden = !saved.length;
  if (!saved.length) return;
  choose(byId('evaluate-run'), saved.map(({name, system, stage}) =>
    [name, `${name} (${system}, ${stage})`]));
  if (!byId('evaluate-data').length) {
    const {folders, kinds, photos} = await getJSON('/api/recipes');
    choose(byId('evaluate-data'), [['', 'Those held out of its training'],
      ...(folders ?? []).map(folder => [folder.path,
        `${folderTitle(folder.path)}, ${imagesIn(folder)}`]),
      [photos, PHOTOS_TITLE]]);
    mask.show(OWN, kinds.mask, folders ?? [], ['', 'As in its training']);
  }
  const working = runs.find(({evaluation}) => evaluation.state === 'running');
  if (working) follow(working.name);
}

async function begin(event) {
  event.preventDefault();
  const [data, error] = [byId('evaluate-data'), byId('evaluate-data-error')];
  const said = mask.value();
  byId('evaluate-error').textContent = '';
  event.submitter.disabled = true;
  try {
    const run = byId('evaluate-run').value;
    const {wrong} = await postJSON('/api/evaluations', {
      run, data: data.value, mask: said.kind ? said : null});
    complain(data, error, wrong.data);
    mask.complain(wrong.mask);
    if (wrong.data) data.focus();
    else if (wrong.mask) mask.focus();
    else follow(run);
  } catch (refused) {
    byId('evaluate-error').textContent = refused.message;
  } finally {
    event.submitter.disabled = false;
  }
}

async function follow(name) {
  if (name === followed) return;
  const mine = ++visit;
  followed = name;
  let place = 0;
  byId('evaluate-log').textContent = '';
  byId('evaluate-watch').hidden = false;
  byId('evaluate-title').textContent = `Evaluation of ${name}`;
  while (mine === visit) {
    let answer;
    try {
      answer = await getJSON(
        `/api/evaluations/${encodeURIComponent(name)}?log=${place}`);
      byId('evaluate-error').textContent = '';
    } catch (error) {
      byId('evaluate-error').textContent = error.message;
      if (error.status) break; // the server has answered: it will not change
      await pause(3 * PERIOD);
      continue;
    }
    if (mine !== visit) return;
    place = answer.log.next;
    showState(answer.evaluation);
    byId('evaluate-log').append(answer.log.text);
    if (answer.evaluation.state !== 'running') {
      hooks.onEnded(name, answer.evaluation.state);
      break;
    }
    await pause(PERIOD);
  }
  if (mine === visit) followed = '';
}

function showState({state, message, passed, photographs, scored}) {
  const isRunning = state === 'running';
  const shown = byId('evaluate-state');
  shown.textContent = STATES[state] ?? '';
  shown.dataset.state = state;
  byId('evaluate-stop').hidden = !isRunning;
  const progress = byId('evaluate-progress');
  progress.hidden = !isRunning;
  progress.max = photographs || 1;
  if (scored) progress.value = scored;
  else progress.removeAttribute('value'); // it prepares itself
  byId('evaluate-text').textContent = (!isRunning ? `After ${clock(passed)}.`
    : photographs ? `${scored} of ${photographs} photographs, ${clock(passed)}.`
      : `It prepares itself, ${clock(passed)}.`);
  byId('evaluate-message').textContent = message;
}

async function stop() {
  try {
    await postJSON(`/api/evaluations/${encodeURIComponent(followed)}/stop`);
  } catch (error) {
    byId('evaluate-error').textContent = error.message;
  }
}

export function setUp(given) {
  hooks = given;
  byId('evaluate-form').addEventListener('submit', begin);
  byId('evaluate-stop').addEventListener('click', stop);
}
