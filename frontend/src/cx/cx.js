// The script for other people's sites, served at /cx.js: it reports what visitors do, in Segment's protocol.
// It keeps nothing on the device without consent, uses neither cookies nor eval, and must never break the page it is on.
// docs/guide/capture-browser.md explains every command.
import { watch } from './auto.js';
import { campaign, context } from './page.js';
import { makeQueue } from './queue.js';
import { keep, kept } from './storage.js';
import { measure } from './vitals.js';

const KINDS = 'page click error vitals';

const script = document.currentScript || document.querySelector('script[data-key][src*="cx.js"]');
const early = window.cx?.q || []; // commands from before we came
const text = (value) => (value === undefined || value === null || value === '' ? undefined : String(value));
const uuid = () =>
  crypto.randomUUID?.() ?? // pages without https do not have it
  '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );

let key, queue, asks; // `asks`: nothing is sent before consent, whatever the browser says
let consent; // true, false, or undefined: nobody was asked
let anonymousId = uuid();
let userId, groupId;
let viewed = false;

const allowed = () => consent ?? !(asks || navigator.globalPrivacyControl);

/** Keep who this is for the next page, if the person agreed to that. */
function remember() {
  if (consent) keep(key, { anonymousId, userId, groupId });
}

function somebodyElse() {
  anonymousId = uuid();
  userId = groupId = undefined;
}

function send(type, fields) {
  if (!allowed()) return;
  queue.add({
    type,
    messageId: uuid(),
    timestamp: new Date().toISOString(),
    anonymousId,
    userId,
    ...fields,
    context: context({ groupId, consent: consent && { categoryPreferences: { analytics: true } } }),
  });
}

function view(category, name, properties) {
  viewed = viewed || allowed();
  send('page', { category, name, properties: { ...context().page, ...properties } });
}

const commands = {
  identify(id, traits) {
    if (id && typeof id === 'object') [id, traits] = [undefined, id];
    id = text(id);
    // Two people who share a device are two people.
    if (id && userId && id !== userId) somebodyElse();
    userId = id || userId;
    remember();
    send('identify', { traits: traits || {} });
  },
  track(event, properties) {
    send('track', { event: text(event), properties: properties || {} });
  },
  page(...words) {
    const properties = typeof words.at(-1) === 'object' ? words.pop() : {};
    const name = words.pop();
    view(words.pop(), name, properties);
  },
  group(id, traits) {
    groupId = text(id);
    remember();
    send('group', { groupId, traits: traits || {} });
  },
  alias(id, previous) {
    const previousId = text(previous) || userId || anonymousId;
    userId = text(id);
    remember();
    send('alias', { userId, previousId });
  },
  reset() {
    somebodyElse();
    remember();
  },
  consent({ analytics }) {
    if (analytics === undefined || analytics === null) return;
    consent = !!analytics;
    if (consent) {
      remember();
      queue.keep();
      if (!viewed && auto.includes('page')) view(); // the page on which the person agreed
    } else {
      queue.drop();
      keep(key);
      somebodyElse();
    }
  },
  flush() {
    queue.flush();
  },
};

let auto = [];

function start(given, { host = new URL(script?.src || location.href).origin, auto: kinds = KINDS, consent: rule } = {}) {
  if (key || !given) return;
  key = `cx_${given}`;
  asks = rule === 'required';
  auto = kinds.split(/[\s,]+/);
  queue = makeQueue(`${host.replace(/\/+$/, '')}/v1/b`, given, `${key}_queue`);
  const known = kept(key);
  if (known) {
    // It is there only because of a consent given earlier.
    ({ anonymousId, userId, groupId } = known);
    consent = true;
    queue.keep();
  }
  campaign(); // of the address that the visitor came to
  early.splice(0).forEach(run);
  watch(auto, send, view);
  if (auto.includes('vitals')) measure((properties) => send('track', { event: 'Web Vitals', properties }));
  queue.start();
}

function run(call) {
  const [name, ...words] = call;
  try {
    if (name === 'init') start(...words);
    else if (!key) early.push(call);
    else commands[name](...words);
  } catch (error) {
    console.warn('cx:', name, error); // a mistake of ours or theirs must not stop the site
  }
}

if (!window.cx?.here) {
  window.cx = (...call) => run(call);
  window.cx.here = true;
  const init = early.findIndex((call) => call[0] === 'init');
  if (script?.dataset.key) start(script.dataset.key, script.dataset);
  else if (init >= 0) run(early.splice(init, 1)[0]);
}
