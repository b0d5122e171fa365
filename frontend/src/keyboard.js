// "/" goes to the search, "?" shows the shortcuts, "g" and a letter goes to the page whose link has data-shortcut; a
// letter by itself activates what has it as data-key.
const typing = (element) => element.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog');
let waiting = 0;

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  if (event.key === '/') {
    const search = document.querySelector('main [data-search]') ?? document.querySelector('[data-search]');
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === '?') {
    document.getElementById('shortcuts')?.showModal();
  } else if (event.key === 'g') {
    waiting = Date.now();
    return;
  } else if (Date.now() - waiting < 1500) {
    const link = [...document.querySelectorAll('a[data-shortcut]')].find((a) => a.dataset.shortcut === event.key);
    if (link) {
      event.preventDefault();
      window.location.assign(link.href);
    }
  } else {
    const target = [...document.querySelectorAll('[data-key]')].find((one) => one.dataset.key === event.key);
    if (target) {
      event.preventDefault();
      target.click();
    }
  }
  waiting = 0;
});

document.addEventListener('click', (event) => {
  const opener = event.target.closest('[data-opens]');
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest('[data-closes]')) event.target.closest('dialog')?.close();
});
