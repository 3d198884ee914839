// Masks, sketches and edge maps as files: opened, with what the server
// understood of them, and saved.
import {request} from '/static/api.js';
import {decode, encode} from '/static/png.js';

const byId = id => document.getElementById(id);

export class LayerFiles {
  constructor(editor, getImage) {
    Object.assign(this, {editor, getImage});
    byId('load-layer').addEventListener('click', () => byId('layer-file').click());
    byId('layer-file').addEventListener('change', () => {
      const [file] = byId('layer-file').files;
      if (file) this.load(file);
      byId('layer-file').value = '';
    });
    byId('save-layer').addEventListener('click', () => this.save());
  }

  async load(file) {
    const {layer} = this.editor;
    const image = this.getImage();
    byId('layer-said').textContent = '';
    byId('mark-error').textContent = '';
    try {
      const what = layer === 'mask' ? 'mask' : 'sketch';
      const response = await request(
        'POST', `/api/images/${image.id}/mask?what=${what}`, {
          body: file, headers: {
            'X-File-Name': encodeURIComponent(file.name),
            'Content-Type': 'application/octet-stream'}});
      const loaded = await decode(await response.blob());
      if (image !== this.getImage()) return; // another picture came meanwhile
      this.editor.load(layer, loaded);
      const note = decodeURIComponent(response.headers.get('X-Note') || '');
      byId('layer-said').textContent = `${file.name} is open. ${note}`.trim();
    } catch (error) {
      byId('mark-error').textContent = error.message;
    }
  }

  async save() {
    const {layer, layers} = this.editor;
    const stem = this.getImage().name.replace(/\.[^.]*$/, '');
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await encode(layers[layer]));
    link.download = `${stem}_${layer}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
}
