// How a picture comes in: by the file dialog, dropped, pasted, or a sample.
import {getBlob, getState, postJSON, RequestError} from '/static/api.js';
import {isTypedInto} from '/static/toolbar.js';

const byId = id => document.getElementById(id);

export const toBitmap = async path =>
  createImageBitmap(await getBlob(path), {colorSpaceConversion: 'none'});

const megabytes = bytes => `${Math.round(bytes / 2 ** 20)} MB`;

export class Opening {
  /** Calls `opened(image, bitmap)` for each picture, the last asked for only. */
  constructor(panel, opened) {
    Object.assign(this, {panel, opened, asked: 0});
    byId('upload').addEventListener('click', () => byId('file').click());
    byId('file').addEventListener('change', () => {
      const [file] = byId('file').files;
      if (file) this.upload(file);
      byId('file').value = ''; // the same file may be chosen again
    });
    const stage = byId('stage');
    panel.addEventListener('dragover', event => {
      event.preventDefault();
      stage.classList.add('over');
    });
    panel.addEventListener('dragleave', () => stage.classList.remove('over'));
    panel.addEventListener('drop', event => {
      event.preventDefault();
      stage.classList.remove('over');
      const [file] = event.dataTransfer.files;
      if (file) this.upload(file);
      else this.fail('What was dropped is no file.');
    });
    document.addEventListener('paste', event => {
      if (panel.hidden || isTypedInto(event.target)) return;
      const [file] = event.clipboardData.files;
      if (file) this.upload(file);
    });
    addEventListener('open-sample', event => this.sample(event.detail));
  }

  showSamples(samples) {
    byId('sample-block').hidden = !samples.length;
    byId('samples').replaceChildren(...samples.map(({name, title}) => {
      const item = document.createElement('li');
      const button = document.createElement('button');
      const image = document.createElement('img');
      Object.assign(image, {
        src: `/api/samples/${encodeURIComponent(name)}`, alt: '',
        loading: 'lazy'});
      Object.assign(button, {type: 'button', className: 'thumbnail'});
      const caption = document.createElement('span');
      Object.assign(caption, {className: 'visually-hidden', textContent: title});
      button.title = title;
      button.append(image, caption);
      button.addEventListener('click', () => this.sample(name));
      item.append(button);
      return item;
    }));
  }

  fail(message) {
    byId('open-error').textContent = message;
  }

  upload(file) {
    return this.open(`Reading ${file.name}…`, async () => {
      const {limits} = await getState();
      if (file.size > limits.bytes) {
        throw new RequestError(
          `${file.name} has ${megabytes(file.size)}; at most ` +
          `${megabytes(limits.bytes)} are taken here. jinpaint inpaint fills ` +
          'larger files.', 413);
      }
      return postJSON('/api/images', file, {
        'X-File-Name': encodeURIComponent(file.name),
        'Content-Type': 'application/octet-stream'});
    });
  }

  sample(name) {
    return this.open('Opening the sample…', () => postJSON(
      `/api/images/sample/${encodeURIComponent(name)}`));
  }

  /** Opens what `post` gets from the server. */
  async open(message, post) {
    const asked = ++this.asked;
    this.fail('');
    byId('status').textContent = message;
    try {
      const image = await post();
      if (asked !== this.asked) return;
      const bitmap = await toBitmap(`/api/images/${image.id}/view`);
      if (asked === this.asked) this.opened(image, bitmap);
      else bitmap.close();
    } catch (error) {
      if (asked !== this.asked) return;
      byId('status').textContent = '';
      this.fail(error.message);
    }
  }
}
