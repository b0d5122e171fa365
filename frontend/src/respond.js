// What a script adds to a respondent's page, which works without: answers kept from the first click, a connection that
// comes and goes, a slider, and the sums and exclusions that one sees at once.
const KEEP_AFTER = 600; // ms without a change
const AGAIN = 4000; // ms between two tries while there is no connection
const IDLE = 90000; // ms after which a kiosk starts anew

const form = document.querySelector('form[data-respond]');

function post(step) {
  const data = new FormData(form);
  data.set('step', step);
  const files = form.enctype === 'multipart/form-data';
  if (step === 'save') for (const input of form.querySelectorAll('input[type=file]')) data.delete(input.name);
  return fetch(form.action, {
    method: 'POST',
    body: files && step !== 'save' ? data : new URLSearchParams(data),
    headers: { Accept: 'application/json' },
    keepalive: step === 'save',
    referrerPolicy: 'no-referrer',
  });
}

// Keeping answers

let timer;
let saving = Promise.resolve();

function keep() {
  clearTimeout(timer);
  timer = undefined;
  saving = saving.then(() => post('save')).catch(() => undefined); // the whole page is sent again when it is left
  return saving;
}

async function changed(event) {
  const question = event.target.closest('[data-q]');
  if (!question) return;
  clearTimeout(timer);
  if (question.hasAttribute('data-live') && event.type === 'change') {
    await keep();
    refresh();
    return;
  }
  timer = setTimeout(keep, KEEP_AFTER);
}

// The page as it is with the answers so far; whoever is typing keeps the place.
async function refresh() {
  const page = new FormData(form).get('page');
  try {
    const reply = await fetch(`${form.getAttribute('action')}?page=${encodeURIComponent(page)}`, { referrerPolicy: 'no-referrer' });
    const fresh = new DOMParser().parseFromString(await reply.text(), 'text/html').querySelector('form[data-respond]');
    if (!reply.ok || !fresh || new FormData(fresh).get('page') !== page) return;
    const at = document.activeElement;
    const shown = form.elements.shown.value;
    form.replaceChildren(...fresh.childNodes);
    form.elements.shown.value = shown;
    enhance();
    if (at?.name) [...form.elements].find((one) => one.name === at.name && (one.value === at.value || one.type === 'text'))?.focus();
  } catch {
    // without a connection the page stays as it is
  }
}

// Leaving a page

let note;

function say(text) {
  note ??= document.body.appendChild(Object.assign(document.createElement('p'), { className: 'note', role: 'status' }));
  note.textContent = text;
  note.hidden = !text;
}

let sending = false;

async function send(event) {
  const step = event.submitter?.value ?? 'next';
  event.preventDefault();
  if (sending) return;
  sending = true;
  clearTimeout(timer);
  await saving;
  for (;;) {
    try {
      const reply = await post(step);
      if (reply.status < 500 && reply.status !== 429) {
        const said = reply.headers.get('content-type')?.includes('json') ? await reply.json() : {};
        if (said.next) location.assign(said.next);
        else plainly(step); // the server shows what is wrong
        return;
      }
    } catch {
      // no connection: what was entered stays on the page
    }
    say(form.dataset.offline);
    await new Promise((go) => {
      setTimeout(go, AGAIN);
      addEventListener('online', go, { once: true });
    });
  }
}

function plainly(step) {
  const button = form.appendChild(Object.assign(document.createElement('input'), { type: 'hidden', name: 'step', value: step }));
  form.submit();
  button.remove();
}

// What one sees at once

function enhance() {
  for (const input of form.querySelectorAll('[data-slider]')) {
    const range = Object.assign(input.cloneNode(), { type: 'range' });
    range.removeAttribute('name');
    range.id = `${input.id}-r`;
    range.setAttribute('aria-label', input.labels?.[0]?.textContent ?? '');
    range.addEventListener('input', () => {
      input.value = range.value;
    });
    range.addEventListener('change', () => input.dispatchEvent(new Event('change', { bubbles: true })));
    input.addEventListener('input', () => {
      range.value = input.value;
    });
    input.before(range);
  }
}

function exclude({ target }) {
  if (target.type !== 'checkbox' || !target.checked) return;
  const alone = target.hasAttribute('data-alone');
  for (const other of form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(target.name)}"]:checked`))
    if (other !== target && (alone || other.hasAttribute('data-alone'))) other.checked = false;
}

function choose({ target }) {
  // Who writes an answer of their own has chosen it.
  const id = target.dataset?.other;
  if (!id || !target.value) return;
  for (const one of target.closest('[data-q]').querySelectorAll('input[type=radio], input[type=checkbox], option'))
    if (one.value === id) one[one.tagName === 'OPTION' ? 'selected' : 'checked'] = true;
}

function add({ target }) {
  const parts = target.closest('[data-sum]');
  const output = parts?.parentElement.querySelector('output');
  if (!output) return;
  const sum = [...parts.querySelectorAll('input')].reduce((total, one) => total + (Number(one.value) || 0), 0);
  output.textContent = String(Math.round(sum * 1e6) / 1e6);
}

if (form) {
  enhance();
  for (const kind of ['input', 'change']) {
    form.addEventListener(kind, exclude);
    form.addEventListener(kind, choose);
    form.addEventListener(kind, add);
    form.addEventListener(kind, changed);
  }
  form.addEventListener('submit', send);
  addEventListener('pagehide', () => timer && keep());
  // Opening the address of a mail chose an answer; a person's browser says so, a scanner of links does not.
  if (form.hasAttribute('data-one-click')) keep();
  document.querySelector('.wrong :is(input, select, textarea)')?.focus();
  if (form.dataset.kiosk) {
    let idle;
    const touched = () => {
      clearTimeout(idle);
      idle = setTimeout(() => location.assign(form.dataset.kiosk), IDLE);
    };
    for (const kind of ['pointerdown', 'keydown', 'input']) addEventListener(kind, touched);
    touched();
  }
}
