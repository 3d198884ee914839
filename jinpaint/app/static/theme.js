// Light, dark, or as the system has it. A classic script, loaded before the
// page is drawn, so that no page flashes in the wrong colours.
'use strict';
{
  const KEY = 'jinpaint-theme';
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch { // storage may be forbidden; the switch still works
      return null;
    }
  };
  const apply = theme => {
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(stored());
  document.addEventListener('DOMContentLoaded', () => {
    const select = document.getElementById('theme');
    select.value = root.dataset.theme || 'system';
    select.addEventListener('change', () => {
      apply(select.value);
      try {
        localStorage.setItem(KEY, select.value);
      } catch { /* not remembered, then */ }
    });
  });
}
