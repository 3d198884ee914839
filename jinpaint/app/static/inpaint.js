// The Inpaint tab: open, mark, fill, and again.
import {getState, postJSON, remove, request} from '/static/api.js';
import {Editor} from '/static/editor.js';
import {Filling, showViews} from '/static/filling.js';
import {LayerFiles} from '/static/layer_files.js';
import {Opening, toBitmap} from '/static/opening.js';
import {decode, encode} from '/static/png.js';
import {Pointing} from '/static/pointing.js';
import {Slider} from '/static/slider.js';
import {Toolbar} from '/static/toolbar.js';

const byId = id => document.getElementById(id);
const panel = document.getElementById('panel-inpaint');
const stage = byId('stage');
const say = message => { byId('status').textContent = message; };

const editor = new Editor(stage);
const slider = new Slider(byId('divider'), editor.canvas);
let image = null; // what the server calls the picture
let result = null; // {id, bitmap, ...}: the fill that is shown
let models = [];
let hasEdges = false; // whether the edges layer is sent with the fill

new Pointing(editor, stage, byId('ring'), say);
new Toolbar(editor, panel);
new LayerFiles(editor, () => image);
const filling = new Filling(showResult);
const opening = new Opening(panel, opened);

// --- 1: open

function facts({width, height, channels, bits, format}) {
  const colours = {1: 'grey', 2: 'grey with alpha', 3: 'RGB', 4: 'RGB with alpha'};
  return `${width} × ${height}, ${format}, ${bits} bits, ${colours[channels]}`;
}

function opened(next, bitmap) {
  const previous = image;
  const wasMarked = previous &&
    ['mask', 'sketch', 'edges'].some(name => !editor.isEmpty(name));
  filling.cancel();
  filling.fail('');
  leaveResult();
  hasEdges = false;
  image = next;
  editor.open(bitmap);
  showImage();
  showModel();
  byId('sample-block').open = false;
  say(!previous ? `${next.name} is open. Paint over what should be filled.` :
    `${next.name} is open in place of ${previous.name}` +
    `${wasMarked ? ', whose marks are gone' : ''}.`);
  if (previous) drop(previous);
}

function showImage() {
  stage.classList.add('opened');
  byId('empty').hidden = true;
  byId('opened').hidden = false;
  byId('opened-name').textContent = image.name;
  byId('opened-facts').textContent = facts(image);
  byId('opened-note').textContent = image.note || '';
  byId('go-mask').hidden = false;
  byId('fill').disabled = false;
  for (const id of ['layer-said', 'mark-error', 'fill-error']) {
    byId(id).textContent = '';
  }
  showStep('mark');
}

async function drop({id}) {
  try {
    await remove(`/api/images/${id}`);
  } catch (error) {
    if (error.status !== 404) opening.fail(error.message); // else gone already
  }
}

// --- 2: mark

function showStep(current) {
  for (const name of ['open', 'mark', 'fill']) {
    byId(`step-${name}`).classList.toggle('current', name === current);
    if (name === current) byId(`step-${name}`).setAttribute('aria-current', 'step');
    else byId(`step-${name}`).removeAttribute('aria-current');
  }
  byId('marking').hidden = !image || Boolean(result);
  byId('back').hidden = !result;
}

byId('go-mask').addEventListener('click', () => {
  leaveResult();
  editor.choose({layer: 'mask'});
  stage.focus();
  stage.scrollIntoView({block: 'nearest'});
});

editor.addEventListener('change', () => {
  if (!image || result) return;
  const share = editor.share();
  say(share ? `The mask marks ${(100 * share).toFixed(share < 0.01 ? 2 : 1)} % ` +
    'of the picture.' : 'Nothing is marked.');
});

// --- 3: fill

const chosenModel = () => models.find(({name}) => name === byId('model').value);

function showOptions(select, options, chosen) {
  select.replaceChildren(...options.map(({name, title}) =>
    new Option(title || name, name, false, name === chosen)));
}

function showModel() {
  const model = chosenModel();
  if (!model) return;
  byId('model-note').textContent = model.note && `This model ${model.note}.`;
  const layers = ['mask'];
  if (model.follows_sketches) layers.push('sketch');
  if (model.reads_edges && (hasEdges || model.needs_edge_map)) layers.push('edges');
  editor.setLayers(layers);
  byId('edge-row').hidden = !(image && model.reads_edges && model.finds_edges);
  byId('forget-edges').hidden = !hasEdges;
}

byId('model').addEventListener('change', showModel);

byId('show-edges').addEventListener('click', async () => {
  const asked = image;
  filling.fail('');
  say('Finding edges…');
  try {
    const response = await request(
      'POST', `/api/images/${asked.id}/edges?model=` +
      encodeURIComponent(byId('model').value),
      {body: await encode(editor.layers.mask),
        headers: {'Content-Type': 'image/png'}});
    const edges = await decode(await response.blob());
    if (asked !== image) return;
    editor.load('edges', edges);
    hasEdges = true;
    showModel();
    editor.choose({layer: 'edges'});
    say('These edges, as you change them, are given to the model.');
  } catch (error) {
    say('');
    filling.fail(error.message);
  }
});

byId('forget-edges').addEventListener('click', () => {
  hasEdges = false;
  showModel();
  say('The model finds the edges by itself.');
});

function fill() {
  editor.finish();
  if (editor.isEmpty()) {
    filling.fail('Nothing is marked. Paint over what should be filled first.');
    stage.focus();
    return;
  }
  leaveResult();
  showStep('fill');
  const {mask, sketch, edges} = editor.layers;
  const {shown} = editor.canvas;
  const layers = {mask};
  if (shown.has('sketch') && !editor.isEmpty('sketch')) layers.sketch = sketch;
  if (shown.has('edges') && (hasEdges || !editor.isEmpty('edges'))) {
    layers.edges = edges;
  }
  filling.run(image, byId('model').value, byId('strategy').value, layers);
}

byId('fill').addEventListener('click', fill);

function showResult(job) {
  result = job;
  editor.isMarking = false;
  slider.show(job.bitmap);
  slider.set(0.5);
  byId('results').hidden = false;
  byId('result-bar').hidden = false;
  byId('mark-bar').hidden = true;
  byId('fill').classList.remove('primary');
  byId('result-text').textContent =
    `Filled ${job.plan} in ${job.seconds.toFixed(1)} s.`;
  byId('save').href = `/api/fills/${job.id}/file?as=png`;
  const isPNG = image.format === 'PNG';
  byId('save-original').hidden = isPNG;
  byId('save-original').href = `/api/fills/${job.id}/file?as=original`;
  byId('save-original').textContent = `Save as ${image.format}`;
  byId('save-note').textContent = image.lossy ? `${image.format} cannot hold ` +
    'pixels bit for bit; Save image writes a PNG, which does.' : '';
  showViews(job, compareWith);
  showStep('fill');
  stage.scrollIntoView({block: 'nearest'});
  say('The picture is filled. Move the border to compare before and after.');
}

async function compareWith(path) {
  const job = result;
  try {
    const bitmap = await toBitmap(path);
    if (job !== result) {
      bitmap.close();
      return;
    }
    job.bitmap.close();
    job.bitmap = bitmap;
    slider.show(bitmap);
  } catch (error) {
    filling.fail(error.message);
  }
}

function leaveResult() {
  result?.bitmap.close();
  result = null;
  editor.isMarking = true;
  slider.show(null);
  byId('results').hidden = true;
  byId('result-bar').hidden = true;
  byId('mark-bar').hidden = false;
  byId('fill').classList.add('primary');
  if (image) showStep('mark');
}

byId('back').addEventListener('click', () => {
  leaveResult();
  stage.focus();
});

byId('again').addEventListener('click', async () => {
  const {id} = result;
  const previous = image;
  try {
    const next = await postJSON(`/api/images/result/${id}`);
    const bitmap = await toBitmap(`/api/images/${next.id}/view`);
    if (previous !== image) {
      bitmap.close();
      return;
    }
    leaveResult();
    image = next;
    hasEdges = false;
    editor.replace(bitmap);
    showImage();
    showModel();
    say('The result is the picture now. Undo brings the marks back.');
    stage.focus();
    drop(previous);
  } catch (error) {
    filling.fail(error.message);
  }
});

// --- what the server has

async function refresh() {
  try {
    const state = await getState({refresh: true});
    ({models} = state);
    const names = new Set(models.map(({name}) => name));
    // #inpaint/NAME chooses a model, once: a reload shows it again.
    const wanted = location.hash.startsWith('#inpaint/')
      ? decodeURIComponent(location.hash.slice('#inpaint/'.length)) : '';
    const chosen = names.has(wanted) ? wanted : byId('model').value;
    showOptions(byId('model'), models, names.has(chosen) ? chosen : null);
    if (!byId('strategy').length) {
      showOptions(byId('strategy'), state.strategies, null);
      opening.showSamples(state.samples);
    }
    showModel();
  } catch (error) {
    opening.fail(error.message);
  }
}

panel.addEventListener('shown', refresh);
if (!panel.hidden) refresh();
showStep('open');
