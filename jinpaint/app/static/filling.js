// One fill at the server: sent, waited for, shown, saved.
import {getJSON, pause, postJSON, remove} from '/static/api.js';
import {toBitmap} from '/static/opening.js';
import {encode} from '/static/png.js';

// Milliseconds between two questions, the first time and later.
const [SOON, LATER] = [100, 400];
const byId = id => document.getElementById(id);
const TITLES = {
  result: 'Result', raw_image: 'Raw', edge: 'Edges', sketch: 'Sketch'};

function describe({state, position, done, message}) {
  if (state === 'waiting') {
    return position > 1 ? `Waiting; place ${position} in the queue.` :
      'Waiting; this is the next one.';
  }
  const share = done > 0 && done < 1 ? ` ${Math.round(100 * done)} %.` : '';
  return message ? `${message}${share}` : share ? `Filling.${share}` :
    'Filling. The first picture of each size takes longer than others.';
}

export class Filling {
  /** `finished(job)` is called when a result is there to be shown. */
  constructor(finished) {
    Object.assign(this, {finished, job: null});
    byId('cancel').addEventListener('click', () => this.cancel());
  }

  get isRunning() { return this.job !== null; }

  fail(message) { byId('fill-error').textContent = message; }

  #showProgress(isShown) {
    // The keyboard goes to what takes the place of the button that it pressed.
    const [from, to] = isShown ? ['fill', 'cancel'] : ['cancel', 'fill'];
    const hadFocus = document.activeElement === byId(from);
    byId('progress').hidden = !isShown;
    byId('fill').disabled = isShown;
    if (hadFocus) byId(to).focus({preventScroll: true});
    if (!isShown) return;
    byId('progress-bar').removeAttribute('value');
    byId('progress-text').textContent = 'Sending.';
  }

  /** Fills `layers` ({mask, sketch?, edges?}) of an image. */
  async run(image, model, strategy, layers) {
    if (this.isRunning) return;
    const run = {id: null};
    this.job = run;
    this.fail('');
    this.#showProgress(true);
    try {
      const form = new FormData();
      form.set('image', image.id);
      form.set('model', model);
      form.set('strategy', strategy);
      for (const [name, layer] of Object.entries(layers)) {
        form.set(name, await encode(layer), `${name}.png`);
      }
      if (this.job !== run) return;
      run.id = (await postJSON('/api/fills', form)).job;
      if (this.job !== run) await remove(`/api/fills/${run.id}`);
      const status = await this.#wait(run);
      if (this.job !== run || !status) return;
      const bitmap = await toBitmap(`/api/fills/${run.id}/view`);
      if (this.job !== run) {
        bitmap.close();
        return;
      }
      this.#end(run);
      this.finished({id: run.id, bitmap, ...status});
    } catch (error) {
      if (this.job === run) this.fail(error.message);
    } finally {
      this.#end(run);
    }
  }

  #end(run) {
    if (this.job !== run) return;
    this.job = null;
    this.#showProgress(false);
  }

  // Returns the status of a job that is done, or null if it was cancelled.
  async #wait(run) {
    for (let wait = SOON; this.job === run; wait = Math.min(2 * wait, LATER)) {
      const status = await getJSON(`/api/fills/${run.id}`);
      if (status.state === 'done') return status;
      if (status.state === 'cancelled') return null;
      if (status.state === 'failed') throw new Error(status.message);
      const text = describe(status);
      if (byId('progress-text').textContent !== text) { // else it is read again
        byId('progress-text').textContent = text;
      }
      if (status.state === 'running' && status.done > 0) {
        byId('progress-bar').value = status.done;
      }
      await pause(wait);
    }
    return null;
  }

  /** Gives up what is running, if anything is. */
  async cancel() {
    const run = this.job;
    if (!run) return;
    this.#end(run);
    byId('status').textContent = 'The filling was cancelled.';
    if (!run.id) return; // `run` removes it as soon as it has a name
    try {
      await remove(`/api/fills/${run.id}`);
    } catch (error) {
      if (error.status !== 404) this.fail(error.message);
    }
  }
}

/** Shows, as radio buttons, what a picture can be compared with, and calls
 * `choose(path)` for the chosen one. */
export function showViews(job, choose) {
  const names = ['result', ...job.maps];
  const labels = names.map(name => {
    const label = document.createElement('label');
    const radio = document.createElement('input');
    Object.assign(radio, {
      type: 'radio', name: 'view', value: name, checked: name === 'result'});
    radio.addEventListener('change', () => choose(name === 'result' ?
      `/api/fills/${job.id}/view` : `/api/fills/${job.id}/maps/${name}`));
    label.className = 'choice';
    label.append(radio, TITLES[name] ?? name.replaceAll('_', ' '));
    return label;
  });
  byId('views').replaceChildren(...labels);
  byId('views').hidden = names.length < 2;
}
