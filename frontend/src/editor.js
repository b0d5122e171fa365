// The editor of surveys: focus after a change, keys, dragging, and the preview that follows what is saved.
const typing = (element) => element.closest('input:not([type=checkbox]), textarea, select, [contenteditable]');
const editor = () => document.getElementById('editor');

function preview() {
  const frame = document.querySelector('iframe[data-survey-preview]');
  const address = editor()?.dataset.previewUrl;
  if (frame && address) frame.src = address;
}

let shown;
let waiting;
document.addEventListener('surveychanged', () => {
  clearTimeout(waiting);
  waiting = setTimeout(preview, 250);
});

document.addEventListener('htmx:afterSettle', (event) => {
  const now = editor();
  if (!now || event.detail.target?.id !== 'editor') return;
  const wanted = now.dataset.focus;
  const field = wanted && (document.getElementById(wanted) || document.getElementById(`id_${wanted}`) || now.querySelector(`[data-key="${wanted}"]`));
  if (field) {
    field.focus();
    if (field.select && wanted !== 'kind') field.select();
  } else if (window.matchMedia('(max-width: 767px)').matches && event.detail.requestConfig?.verb === 'get') {
    document.getElementById('part')?.scrollIntoView();
  }
  if (now.dataset.previewUrl !== shown) {
    shown = now.dataset.previewUrl;
    preview();
  }
});

document.addEventListener('keydown', (event) => {
  if (!editor() || event.defaultPrevented) return;
  const press = (name) => {
    const button = editor().querySelector(`button[data-key="${name}"]:not([disabled])`);
    if (!button) return;
    event.preventDefault();
    button.click();
  };
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !typing(event.target)) {
    if (key === 'z') press(event.shiftKey ? 'redo' : 'undo');
    else if (key === 'y') press('redo');
  } else if (event.altKey && !event.ctrlKey && !event.metaKey && !event.target.closest('textarea, select')) {
    if (event.key === 'ArrowUp') press('up');
    else if (event.key === 'ArrowDown') press('down');
  } else if (event.key === 'Enter' && event.target.matches('[data-choice-label]')) {
    event.preventDefault();
    event.target.closest('[data-choices]').querySelector('[data-adds-choice]').click();
  }
});

// Several lines pasted into a choice become several choices.
document.addEventListener('paste', (event) => {
  if (!event.target.matches?.('[data-choice-label]')) return;
  const text = event.clipboardData?.getData('text') ?? '';
  if (!/\S[\r\n]+\S/.test(text)) return;
  event.preventDefault();
  const choices = event.target.closest('[data-choices]');
  const lines = choices.querySelector('textarea');
  lines.value = text;
  choices.querySelector('button[value$=":lines"]').click();
});

// Dragging a question behind another one or to the front of a section, and a section or a page behind another. The
// buttons and keys do the same.
let dragged = null;
const row = (event) => event.target.closest?.('[data-place]');
document.addEventListener('dragstart', (event) => {
  dragged = row(event);
  dragged?.classList.add('dragged');
});
document.addEventListener('dragover', (event) => {
  const over = row(event) || event.target.closest?.('[data-section]');
  document.querySelectorAll('.outline-row.target').forEach((one) => one.classList.remove('target'));
  if (!dragged || !over) return;
  event.preventDefault();
  if (over.dataset.place) over.classList.add('target');
});
document.addEventListener('drop', (event) => {
  const over = row(event) || event.target.closest?.('[data-section]');
  if (!dragged || !over) return;
  event.preventDefault();
  const form = dragged.closest('form');
  const [part, id] = (over.dataset.place ?? `section:${over.dataset.section}`).split(':');
  // On the heading of a section, a question goes in front of all that the section holds.
  const after = part === 'section' && over.dataset.place && dragged.dataset.place.startsWith('question:') ? `first:${id}` : `${part}:${id}`;
  const values = { do: `after:${dragged.dataset.place}`, after, at: dragged.dataset.place, lang: form.elements.lang.value };
  window.htmx.ajax('POST', form.action, { values, target: '#editor', swap: 'outerHTML' });
});
document.addEventListener('dragend', () => {
  dragged?.classList.remove('dragged');
  document.querySelectorAll('.outline-row.target').forEach((one) => one.classList.remove('target'));
  dragged = null;
});

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-preview-size]');
  if (!button) return;
  button.closest('.editor-preview').classList.toggle('desktop', button.dataset.previewSize === 'desktop');
  for (const one of button.parentElement.children) one.setAttribute('aria-pressed', String(one === button));
});

// Of a rule, only the fields that its deed needs.
function fields(form) {
  for (const part of form.querySelectorAll('[data-of]')) part.hidden = part.dataset.of !== form.elements.do.value;
}
document.addEventListener('change', (event) => {
  if (event.target.name === 'do' && event.target.form?.matches('[data-rule]')) fields(event.target.form);
});
document.querySelectorAll('form[data-rule]').forEach(fields);
