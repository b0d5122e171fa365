// The desk of cases: moving through lists with j and k, choosing, dialogs, writing, and who else is looking.
import { text } from './messages.js';

const typing = (element) => element.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog');
const plain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented;
const rows = () => [...document.querySelectorAll('[data-row]')];
const current = () => document.activeElement?.closest?.('[data-row]');

// ---- The list
function goTo(row) {
  row?.querySelector('a.case-link, a.text-link')?.focus();
  row?.scrollIntoView({ block: 'nearest' });
}

function tell() {
  const box = document.querySelector('.desk-chosen');
  if (!box) return;
  const n = document.querySelectorAll('[data-row] input:checked').length;
  box.textContent = n ? box.dataset.some.replace('{n}', n) : box.dataset.none;
  document.querySelector('.desk-bar')?.classList.toggle('desk-bar-chosen', n > 0);
  const all = document.querySelector('[data-all]');
  if (all) {
    all.checked = n > 0 && n === rows().length;
    all.indeterminate = n > 0 && !all.checked;
  }
}

function choose(row, on) {
  const box = row?.querySelector('input[type=checkbox]');
  if (!box) return;
  box.checked = on ?? !box.checked;
  tell();
}

let lastChosen = null;
document.addEventListener('click', (event) => {
  if (event.target.matches?.('[data-row] input[type=checkbox]')) {
    const row = event.target.closest('[data-row]');
    const all = rows();
    if (event.shiftKey && lastChosen && all.includes(lastChosen)) {
      const [from, to] = [all.indexOf(lastChosen), all.indexOf(row)].sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) choose(one, event.target.checked);
    }
    lastChosen = row;
    tell();
  } else if (event.target.matches?.('[data-all]')) {
    for (const row of rows()) choose(row, event.target.checked);
  }
});

// A deed for many, with nothing chosen, means the row under the cursor.
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('[data-wants-rows]');
  if (!button || document.querySelector('[data-row] input:checked')) return;
  const row = lastRow && rows().includes(lastRow) ? lastRow : null;
  if (row) choose(row, true);
}, true);
let lastRow = null;
document.addEventListener('focusin', (event) => {
  const row = event.target.closest?.('[data-row]');
  if (row) lastRow = row;
});

document.addEventListener('keydown', (event) => {
  if (!plain(event) || typing(event.target) || !rows().length) return;
  const all = rows();
  const at = all.indexOf(current() ?? lastRow);
  if (event.key === 'j' || event.key === 'ArrowDown') goTo(all[Math.min(at + 1, all.length - 1)]);
  else if (event.key === 'k' || event.key === 'ArrowUp') goTo(all[Math.max(at - 1, 0)]);
  else if (event.key === 'x' && at >= 0) choose(all[at]);
  else if (event.key === 'Enter' && at >= 0 && !event.target.closest('a, button, input')) all[at].querySelector('a.case-link, a.text-link').click();
  else return;
  event.preventDefault();
});

// ---- Dialogs
document.addEventListener('keydown', (event) => {
  const dialog = event.target.closest?.('dialog[open]');
  if (!dialog) return;
  if (event.key === 'Enter' && event.target.matches('[data-enter]')) {
    event.preventDefault();
    dialog.querySelector('[data-main]')?.click();
  } else if (/^[1-9]$/.test(event.key) && plain(event) && !typing2(event.target)) {
    const button = dialog.querySelector(`[data-digit="${event.key}"]`);
    if (button) {
      event.preventDefault();
      button.click();
    }
  }
});
const typing2 = (element) => element.closest('input:not([type=checkbox]):not([type=radio]), textarea, select');
document.addEventListener('dblclick', (event) => {
  const option = event.target.closest('dialog option, dialog select[size]');
  if (option) option.closest('dialog').querySelector('[data-main]')?.click();
});
// A form of the page that a dialog sends: the dialog has done its work.
document.addEventListener('submit', (event) => event.submitter?.closest('dialog[open].desk-dialog')?.close());

// ---- Writing
const composer = () => document.querySelector('[data-composer]');
const form = () => document.getElementById('composer');
const mode = () => form()?.elements.mode.value;

function keep() {
  const field = composer();
  if (!field) return;
  try {
    const draft = field.value.trim() ? JSON.stringify({ text: field.value, mode: mode() }) : null;
    if (draft) sessionStorage.setItem(field.dataset.draft, draft);
    else sessionStorage.removeItem(field.dataset.draft);
  } catch { /* no room, or not allowed: the text is still in the field */ }
}

function bringBack() {
  const field = composer();
  if (!field || field.value) return;
  try {
    const draft = JSON.parse(sessionStorage.getItem(field.dataset.draft));
    if (!draft) return;
    field.value = draft.text;
    form().elements.mode.value = draft.mode;
  } catch { /* nothing to bring back */ }
}

let typedAt = 0;
document.addEventListener('input', (event) => {
  if (!event.target.matches?.('[data-composer]')) return;
  typedAt = Date.now();
  const field = event.target;
  const before = field.value.slice(0, field.selectionStart);
  if (mode() === 'reply' && /(^|\n)\/$/.test(before) && document.getElementById('replies')) {
    field.setRangeText('', field.selectionStart - 1, field.selectionStart, 'end');
    document.getElementById('replies').showModal();
  }
  name(field, before);
  keep();
});

// @ in a note: whom do you mean?
function name(field, before) {
  const box = document.getElementById('names');
  if (!box) return;
  const asked = mode() === 'note' && before.match(/(?:^|[\s(])@([^\s@]{0,30})$/u);
  box.replaceChildren();
  box.hidden = true;
  if (!asked) return;
  const wanted = asked[1].toLocaleLowerCase();
  const found = box.dataset.names.split('|').filter((one) => one.toLocaleLowerCase().split(/\s+/).some((word) => word.startsWith(wanted))).slice(0, 6);
  for (const one of found) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn btn-sm';
    button.textContent = one;
    button.addEventListener('click', () => {
      field.setRangeText(`@${one} `, field.selectionStart - asked[1].length - 1, field.selectionStart, 'end');
      box.hidden = true;
      field.focus();
      keep();
    });
    box.append(button);
  }
  box.hidden = !found.length;
}

document.addEventListener('keydown', (event) => {
  if (!event.target.matches?.('[data-composer]')) return;
  const box = document.getElementById('names');
  if ((event.key === 'Tab' || event.key === 'Enter') && !event.ctrlKey && !event.metaKey && box && !box.hidden) {
    event.preventDefault();
    box.querySelector('button').click();
  } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form().querySelector(`.only-${mode()} [data-main]`).click();
  } else if (event.key === 'Escape') {
    event.target.blur();
  }
});

document.addEventListener('click', (event) => {
  if (event.target.matches?.('input[name=mode]')) {
    composer()?.focus();
    composer()?.scrollIntoView({ block: 'nearest' });
    keep();
  }
  const choice = event.target.closest?.('[data-inserts]');
  if (choice) {
    const field = composer();
    choice.closest('dialog').close();
    field.setRangeText(choice.dataset.inserts, field.selectionStart, field.selectionEnd, 'end');
    form().elements.saved.value = choice.dataset.saved;
    field.focus();
    keep();
  }
});

document.addEventListener('input', (event) => {
  const list = event.target.dataset?.finds && document.querySelector(event.target.dataset.finds);
  if (!list) return;
  const words = event.target.value.toLocaleLowerCase().split(/\s+/);
  for (const one of list.children) one.hidden = !words.every((word) => one.textContent.toLocaleLowerCase().includes(word));
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !event.target.dataset?.finds) return;
  event.preventDefault();
  document.querySelector(`${event.target.dataset.finds} > :not([hidden])[data-inserts]`)?.click();
});

document.addEventListener('change', (event) => {
  const saves = event.target.closest?.('form[data-saves]');
  if (saves) saves.requestSubmit();
  if (event.target.dataset?.counts) document.querySelector(event.target.dataset.counts).textContent = [...event.target.files].map((one) => one.name).join(', ');
  if (event.target.dataset?.keeps) localStorage.setItem(event.target.dataset.keeps, event.target.checked ? '1' : '');
});

// What was sent is no draft any more.
document.addEventListener('submit', (event) => {
  if (event.target.id === 'composer') sent = composer().dataset.draft;
});
let sent = '';

// ---- Who else is looking
let timer = 0;
function look() {
  const box = document.getElementById('presence');
  if (!box?.dataset.look) return;
  if (document.visibilityState === 'visible') {
    const values = { seen: box.dataset.seen, list: box.dataset.listQuery, types: Date.now() - typedAt < 20_000 && mode() === 'reply' && composer()?.value.trim() ? '1' : '' };
    window.htmx.ajax('POST', box.dataset.look, { source: box, target: box, swap: 'innerHTML', select: 'unset', values });
  }
  clearTimeout(timer);
  timer = setTimeout(look, 10_000);
}

function begin() {
  if (sent && !document.querySelector('#composer .alert')) {
    sessionStorage.removeItem(sent);
    document.activeElement?.blur(); // it was sent: the next letter is a key again
  }
  sent = '';
  for (const box of document.querySelectorAll('[data-keeps]')) box.checked = localStorage.getItem(box.dataset.keeps) === '1';
  const keys = document.getElementById('desk-keys');
  const shortcuts = document.querySelector('#shortcuts dl');
  if (keys && shortcuts && !document.querySelector('#shortcuts [data-desk-keys]')) {
    const copy = keys.content.cloneNode(true).firstElementChild;
    copy.dataset.deskKeys = '';
    shortcuts.before(copy);
  }
  tell();
  bringBack();
  clearTimeout(timer);
  if (document.getElementById('presence')?.dataset.look) look();
}

document.addEventListener('htmx:afterSettle', (event) => {
  if (event.detail.target?.id === 'content' || event.detail.elt?.id === 'content') begin();
  else if (event.detail.target?.id === 'found') tell();
});
document.addEventListener('DOMContentLoaded', begin);

// Whoever comes back to the page sees at once what is new.
document.addEventListener('visibilitychange', look);

window.addEventListener('pagehide', () => {
  const box = document.getElementById('presence');
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (!box?.dataset.look || !token) return;
  fetch(box.dataset.look, { method: 'POST', keepalive: true, headers: { 'X-CSRFToken': token }, body: new URLSearchParams({ leave: '1' }) }).catch(() => text('unreachable'));
});
