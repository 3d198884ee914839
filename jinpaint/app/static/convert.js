// The Convert tab: files go to the server in pieces, are looked at, and become
// a run or a file of weights.
import {getJSON, postJSON, remove, request} from '/static/api.js';
import {byId, make} from '/static/elements.js';
import {titleOf} from '/static/titles.js';

const PIECE = 8 * 2 ** 20;
const panel = byId('panel-convert');

let known = null;
let upload = ''; // its id on the server
let visit = 0; // another choice of files ends the one before

const chosen = () => {
  const [kind, name] = byId('convert-what').value.split(':');
  return {kind, name};
};
const say = text => { byId('convert-status').textContent = text; };

function fail(error) {
  byId('convert-error').textContent = error.message;
  byId('convert-progress').hidden = true;
  say('');
}

async function arrive() {
  if (known) return;
  try {
    known = await getJSON('/api/conversions');
  } catch (error) {
    fail(error);
    return;
  }
  const group = (label, entries) => make('optgroup', {label},
    entries.map(([value, text]) => make('option', {value}, text)));
  byId('convert-what').replaceChildren(
    group('All files of a system: a run', known.systems.map(
      ({name}) => [`system:${name}`, titleOf(name)])),
    group('One network: a file of weights', known.networks.map(
      name => [`network:${name}`, name])));
  showWhat();
}

function showWhat() {
  const {kind, name} = chosen();
  const system = known.systems.find(one => kind === 'system' && one.name === name);
  byId('convert-about').textContent = system
    ? `${system.about} Its files are called ${system.files.join(', ')}; of ` +
      'snapshots with numbers in their names, the newest is taken.'
    : 'One file of any name. Runs can start from the result.';
  byId('convert-folder').hidden = !system;
  byId('convert-output').value = name;
  if (upload) look();
}

async function cancel() {
  visit += 1;
  const id = upload;
  upload = '';
  byId('convert-found').replaceChildren();
  byId('convert-go-row').hidden = true;
  byId('convert-progress').hidden = true;
  byId('convert-error').textContent = '';
  say('');
  if (id) await remove(`/api/conversions/${id}`).catch(() => {}); // or in time
}

async function send(files) {
  await cancel();
  byId('convert-result').replaceChildren();
  const mine = visit;
  const total = files.reduce((sum, {size}) => sum + size, 0);
  if (total > known.bytes) {
    fail({message: `These files have ${(total / 2 ** 30).toFixed(1)} GiB; ` +
      `${known.bytes / 2 ** 30} GiB can be converted.`});
    return;
  }
  const progress = byId('convert-progress');
  progress.hidden = false;
  progress.max = total || 1;
  progress.value = 0;
  try {
    const {id} = await postJSON('/api/conversions', {});
    upload = id;
    for (const file of files) {
      // The name of the folder that was chosen says nothing.
      const path = file.webkitRelativePath.split('/').slice(1).join('/') ||
        file.name;
      say(`Uploading ${path} ...`);
      for (let offset = 0; offset < file.size; offset += PIECE) {
        const body = file.slice(offset, offset + PIECE);
        await request('POST', `/api/conversions/${id}/files?` +
          new URLSearchParams({path, offset}), {body});
        if (mine !== visit) return;
        progress.value += body.size;
      }
    }
    progress.hidden = true;
    await look();
  } catch (error) {
    if (mine === visit) fail(error);
  }
}

const form = () => ({...chosen(), key: byId('convert-key').value.trim(),
  options: byId('convert-options').value.trim(),
  output: byId('convert-output').value.trim()});

const table = files => make('div', {className: 'scroll'}, make('table', {},
  make('thead', {}, make('tr', {}, ['File', 'Network', 'Licence', 'Origin',
    'SHA-256'].map(text => make('th', {scope: 'col', className: 'word'}, text)))),
  make('tbody', {}, files.map(({file, network, licence, origin, sha256}) =>
    make('tr', {}, make('th', {scope: 'row'}, file),
      [network, licence, origin].map(
        text => make('td', {className: 'word'}, text)),
      make('td', {className: 'word path', title: sha256},
        `${sha256.slice(0, 12)}...`))))));

async function look() {
  const mine = visit;
  byId('convert-error').textContent = '';
  byId('convert-found').replaceChildren();
  byId('convert-go-row').hidden = true;
  say('Looking at the files ...');
  try {
    const {files} = await postJSON(`/api/conversions/${upload}/look`, form());
    if (mine !== visit) return;
    say('');
    byId('convert-found').replaceChildren(
      make('h2', {}, 'What these files are'), table(files),
      make('p', {}, 'Convert them only if their licence allows what you want ' +
        'to do with them.'));
    byId('convert-go-row').hidden = false;
    byId('convert-go').focus();
  } catch (error) {
    if (mine === visit) fail(error);
  }
}

async function convert(event) {
  event.preventDefault();
  if (!upload) return;
  byId('convert-error').textContent = '';
  byId('convert-go').disabled = true;
  say('Converting ...');
  try {
    const made = await postJSON(`/api/conversions/${upload}`, form());
    upload = '';
    await cancel();
    showResult(made);
  } catch (error) {
    fail(error);
  } finally {
    byId('convert-go').disabled = false;
  }
}

function showResult({run, stage, file, fresh, files}) {
  const lines = [make('p', {className: 'notice good'}, run
    ? `The run ${run} is there, stage ${stage}.`
    : `The file ${file} is in the folder of runs.`)];
  if (fresh.length) {
    lines.push(make('p', {className: 'note'}, 'No file holds the ' +
      `${fresh.join(', ').replaceAll('_', ' ')}: it starts afresh.`));
  }
  lines.push(table(files));
  if (run) {
    lines.push(make('a', {className: 'button primary',
      href: `#inpaint/${encodeURIComponent(run)}`},
      'Use it under Inpaint'));
  }
  byId('convert-result').replaceChildren(...lines);
}

for (const what of ['files', 'folder']) {
  const input = byId(`convert-${what}-input`);
  byId(`convert-${what}`).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = ''; // so that the same ones can be chosen again
    if (files.length) send(files);
  });
}
byId('convert-what').addEventListener('change', showWhat);
byId('convert-cancel').addEventListener('click', cancel);
byId('convert-form').addEventListener('submit', convert);
panel.addEventListener('shown', arrive);
if (!panel.hidden) arrive();
