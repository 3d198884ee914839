// The tabs. The address names the one that is shown (#inpaint), so that the
// browser's "back" works and a tab can be linked to. A panel that is shown gets
// the event `shown`.

const tabs = [...document.querySelectorAll('.tabs [role="tab"]')];
const panelOf = tab => document.getElementById(tab.getAttribute('aria-controls'));

function show() {
  const name = location.hash.slice(1).split('/')[0];
  const chosen = tabs.find(tab => tab.hash === `#${name}`) || tabs[0];
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.setAttribute('aria-selected', isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    panelOf(tab).hidden = !isChosen;
  }
  document.title = `${chosen.textContent.trim()} - jinpaint`;
  panelOf(chosen).dispatchEvent(new CustomEvent('shown'));
}

// A panel's id is not the hash itself: the browser would scroll to it.
export function open(name) {
  if (location.hash === `#${name}`) show();
  else location.hash = name;
}

export function start() {
  const moves = {ArrowLeft: -1, ArrowRight: 1};
  for (const tab of tabs) {
    tab.addEventListener('keydown', event => {
      const place = tabs.indexOf(tab);
      let next = null;
      if (event.key in moves) {
        next = tabs.at((place + moves[event.key]) % tabs.length);
      } else if (event.key === 'Home') next = tabs[0];
      else if (event.key === 'End') next = tabs.at(-1);
      else if (event.key === ' ') next = tab;
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    });
  }
  addEventListener('hashchange', show);
  show();
}
