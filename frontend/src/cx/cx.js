// The script for other people's sites, served at /cx.js: it reports what visitors do, in Segment's protocol.
// It keeps nothing on the device without consent, uses neither cookies nor eval, and must never break the page it is on.
// docs/guide/capture-browser.md explains every command.
import { watch } from './auto.js';
import { campaign, context } from './page.js';
import { makeQueue } from './queue.js';
import { keep, kept } from './storage.js';
import { measure } from './vitals.js';

const KINDS = 'page click error vitals';
const LATER = ['survey']; // commands of scripts that come on their own; they wait for them

const script = document.currentScript || document.querySelector('script[data-key][src*="cx.js"]');
const early = window.cx?.q || []; // commands from before we came
const text = (value) => (value === undefined || value === null || value === '' ? undefined : String(value));
const uuid = () =>
  crypto.randomUUID?.() ?? // pages without https do not have it
  '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );

let key, queue, asks; // `asks`: nothing is sent before consent, whatever the browser says
let address; // of the server, and the write key: what an extension needs
let consent; // true, false, or undefined: nobody was asked
let anonymousId = uuid();
let userId, groupId, hash;
let viewed = false;
const extensions = {};
const pending = []; // commands for extensions that have not come yet
const past = []; // what they have missed: the last few [type, fields]

const allowed = () => consent ?? !(asks || navigator.globalPrivacyControl);

/** Keep who this is for the next page, if the person agreed to that. */
function remember() {
  if (consent) keep(key, { anonymousId, userId, groupId });
}

function somebodyElse() {
  anonymousId = uuid();
  userId = groupId = hash = undefined;
}

/** Tell the extensions; what goes wrong in one of them concerns nobody else. */
function tell(what, ...words) {
  for (const one of Object.values(extensions)) {
    try {
      one[what]?.(...words);
    } catch (error) {
      console.warn('cx:', error);
    }
  }
}

function send(type, fields) {
  past.push([type, fields]);
  if (past.length > 20) past.shift();
  tell('saw', type, fields);
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

/** Who this is, as far as it may be said. */
const person = () =>
  allowed() ? { anonymousId, userId, hash, allowed: true, kept: !!consent } : { allowed: false, kept: false };

const commands = {
  /** `proof.hash` is the HMAC of the id, by which surveys know that the site itself says who this is. */
  identify(id, traits, proof) {
    if (id && typeof id === 'object') [id, traits] = [undefined, id];
    id = text(id);
    // Two people who share a device are two people.
    if (id && userId && id !== userId) somebodyElse();
    const changes = (id && id !== userId) || proof?.hash;
    if (id && id !== userId) hash = undefined;
    userId = id || userId;
    hash = text(proof?.hash) ?? hash;
    remember();
    send('identify', { traits: traits || {} });
    if (changes) tell('changed');
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
    tell('changed');
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
    tell('changed');
  },
  /** A script of ours that came on its own: `start` gets what it needs, `run` the commands of its name. */
  extend(name, extension) {
    if (extensions[name]) return;
    extensions[name] = extension;
    extension.start({ ...address, uuid, track: commands.track, person });
    past.forEach((one) => extension.saw?.(...one));
    pending.splice(0).forEach(run);
  },
  flush() {
    queue.flush();
  },
};

let auto = [];

function start(given, { host = new URL(script?.src || location.href).origin, auto: kinds = KINDS, consent: rule } = {}) {
  if (key || !given) return;
  host = host.replace(/\/+$/, '');
  key = `cx_${given}`;
  address = { host, key: given };
  asks = rule === 'required';
  auto = kinds.split(/[\s,]+/);
  queue = makeQueue(`${host}/v1/b`, given, `${key}_queue`);
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
    else if (commands[name]) commands[name](...words);
    else if (extensions[name]) extensions[name].run(...words);
    else if (LATER.includes(name)) pending.push(call);
    else throw new Error('there is no such command');
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
