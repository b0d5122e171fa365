// What a script adds to a respondent's page, which works without: answers kept from the first click, a connection that
// comes and goes, a slider, and the sums and exclusions that one sees at once.
const KEEP_AFTER = 600; // ms without a change
const AGAIN = 4000; // ms between two tries while there is no connection
const IDLE = 90000; // ms after which a kiosk starts anew
const UNSENT = 'cxm_unsent'; // in localStorage, only while there is something that could not be sent
const DAY = 86400000; // ms that it is kept

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
  saving = saving.then(() => post('save')).then((reply) => reply.ok && forget(), remember); // sent again when it is left
  return saving;
}

// What could not be sent outlives the page, for a day: the next page of ours in this browser sends it and goes on there.
function remember() {
  if (form.dataset.kiosk) return; // the next person has the same browser
  const data = new FormData(form);
  for (const input of form.querySelectorAll('input[type=file]')) data.delete(input.name);
  data.set('step', 'save');
  try {
    const kept = { at: Date.now(), from: location.pathname, to: form.action, body: String(new URLSearchParams(data)) };
    localStorage.setItem(UNSENT, JSON.stringify(kept));
  } catch {
    // no storage: it stays on the page
  }
}

function forget() {
  try {
    localStorage.removeItem(UNSENT);
  } catch {
    // no storage
  }
}

async function resume() {
  try {
    const kept = JSON.parse(localStorage.getItem(UNSENT));
    if (!kept) return;
    if (!(Date.now() - kept.at < DAY) || !String(kept.to).startsWith(`${location.origin}/s/`)) return forget();
    const reply = await fetch(kept.to, {
      method: 'POST', body: new URLSearchParams(kept.body), headers: { Accept: 'application/json' }, referrerPolicy: 'no-referrer',
    });
    if (reply.status >= 500 || reply.status === 429) return;
    forget();
    if (reply.ok && kept.from === location.pathname && !form?.dataset.kiosk) location.replace(kept.to);
  } catch {
    // still no connection, or no storage
  }
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
        forget();
        const said = reply.headers.get('content-type')?.includes('json') ? await reply.json() : {};
        if (said.next) location.assign(said.next);
        else plainly(step); // the server shows what is wrong
        return;
      }
    } catch {
      remember(); // no connection: what was entered stays on the page, too
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

resume();
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
