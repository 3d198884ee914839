// The Compare tab: the report of the runs that are chosen.
import {getJSON, request} from '/static/api.js';
import {byId, make} from '/static/elements.js';
import * as evaluate from '/static/evaluate.js';

const panel = byId('panel-compare');
const frame = byId('compare-report');
let report = ''; // its address

const chosen = () => [...byId('compare-runs').querySelectorAll(':checked')].map(
  ({value}) => value);

async function arrive(chosenToo = '') {
  byId('compare-error').textContent = '';
  try {
    const {runs} = await getJSON('/api/trainings');
    const evaluated = runs.filter(run => run.evaluated);
    const before = new Set([...chosen(), chosenToo].filter(Boolean));
    byId('compare-none').hidden = Boolean(evaluated.length);
    byId('compare-form').hidden = !evaluated.length;
    byId('compare-runs').replaceChildren(...evaluated.map(
      ({name, system, stage}, place) => make('label', {className: 'choice'},
        make('input', {type: 'checkbox', value: name,
          checked: before.has(name) || (!before.size && !place)}),
        `${name} (${system}, ${stage})`)));
    await evaluate.show(runs);
  } catch (error) {
    byId('compare-error').textContent = error.message;
  }
}

async function compare(event) {
  event.preventDefault();
  byId('compare-error').textContent = '';
  const names = chosen();
  const url = '/api/reports?' + new URLSearchParams(
    names.map(name => ['run', name]));
  byId('compare-status').textContent = 'Putting the report together ...';
  event.submitter.disabled = true;
  try {
    await request('GET', url); // an error is said here, not in the frame
    report = url;
    showReport();
    frame.hidden = false;
    byId('compare-alone').hidden = false;
    frame.focus();
  } catch (error) {
    frame.hidden = true;
    byId('compare-alone').hidden = true;
    byId('compare-error').textContent = error.message;
  } finally {
    byId('compare-status').textContent = '';
    event.submitter.disabled = false;
  }
}

/** Shows the report in the page's theme; it is not loaded again for another. */
function showReport() {
  if (!report) return;
  const {theme = 'system'} = document.documentElement.dataset;
  const url = `${report}#theme=${theme}`;
  frame.src = url;
  byId('compare-alone').href = url;
}

byId('compare-form').addEventListener('submit', compare);
evaluate.setUp({onEnded: (name, state) =>
  arrive(state === 'finished' ? name : '')});
new MutationObserver(showReport).observe(
  document.documentElement, {attributeFilter: ['data-theme']});
panel.addEventListener('shown', () => arrive());
if (!panel.hidden) arrive();
