// The page: its tabs, and the start page.
import {getState} from '/static/api.js';
import {open, start} from '/static/tabs.js';

async function showSamples() {
  const list = document.getElementById('home-samples');
  let samples;
  try {
    ({samples} = await getState());
  } catch { // the Inpaint tab says what is wrong
    return;
  }
  list.replaceChildren(...samples.map(({name, title}) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'thumbnail';
    const image = document.createElement('img');
    image.src = `/api/samples/${encodeURIComponent(name)}`;
    image.alt = '';
    button.append(image, title);
    button.addEventListener('click', () => {
      open('inpaint');
      dispatchEvent(new CustomEvent('open-sample', {detail: name}));
    });
    const item = document.createElement('li');
    item.append(button);
    return item;
  }));
  document.getElementById('home-samples-block').hidden = !samples.length;
}

start();
showSamples();
