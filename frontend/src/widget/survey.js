// Surveys on other people's pages, served at /survey.js: what may be shown to this visitor, when, and in what.
// It comes beside cx.js, which knows who the visitor is and what they agreed to. docs/guide/survey-widget.md tells more.
import { keep, kept } from '../cx/storage.js';
import { makeForm } from './form.js';
import { makeFrame, makeLauncher } from './frame.js';
import { makeOutbox } from './outbox.js';
import { here } from './pages.js';
import { arm, later } from './triggers.js';

const SETTLE = 0.3; // seconds for the page to say who the visitor is before we ask what may be shown to them
const MOST_EARLY = 50;
const UNASKED = ['popup', 'slide_in'];
const cx = (window.cx = window.cx || function () { (cx.q = cx.q || []).push(arguments); });

let api, outbox, marks;
let offers = [];
let texts = {};
let current; // the survey in a pop-up or a slide-in; there is one at most
let came = false; // one came by itself on this page: that is enough
let turn = 0; // of those that were asked for at once, the last one shows
let asking = 0; // goes up when another visitor is meant: answers about the one before are thrown away
let cancel = () => {};
let early = []; // events from before we knew what waits for them
let armed = []; // what stops the present triggers, buttons and boxes
const listeners = new Set(); // triggers by events
const inline = new Map(); // element -> its open survey

const device = () => (matchMedia('(max-width: 767px), (pointer: coarse) and (max-width: 1023px)').matches ? 'phone' : 'desktop');

function visitor() {
  const { anonymousId, userId, hash, kept: recognised } = api.person();
  return {
    writeKey: api.key, anonymousId, userId, hash, kept: recognised, url: location.href.split('#')[0], device: device(),
    language: document.documentElement.lang || navigator.language, languages: navigator.languages,
  };
}

/** Ask the server, and give null where it cannot be reached or says no. */
async function call(address, body) {
  try {
    const answer = await outbox.ask(address, body);
    return answer.status === 200 ? answer : null;
  } catch {
    return null;
  }
}

// What may be shown

async function look() {
  const mine = (asking += 1);
  disarm();
  offers = [];
  embed();
  if (!api.person().allowed) return;
  const answer = await call('/widget/surveys', visitor());
  if (!answer || mine !== asking) return;
  ({ surveys: offers, texts = {} } = answer);
  place();
  early?.splice(0).forEach(([name, properties]) => [...listeners].forEach((one) => one(name, properties)));
  early = undefined;
}

function disarm() {
  armed.splice(0).forEach((stop) => stop());
}

/** Set the triggers, buttons and boxes of the present page. */
function place() {
  disarm();
  embed();
  for (const offer of offers) {
    if (!here(offer)) continue;
    if (offer.kind === 'button') launcher(offer);
    else if (offer.kind === 'inline') boxes(offer);
    else if (marks.may(offer)) {
      let wait;
      const stop = arm(
        offer.triggers || [],
        (on) => {
          wait = later(offer.wait_s || 0, () => come(offer, on));
        },
        listeners,
      );
      armed.push(() => (stop(), wait?.()));
    }
  }
}

function come(offer, on) {
  if (current || came || !here(offer) || !marks.may(offer)) return;
  came = true;
  open(offer.id, { by: 'trigger', trigger: on, offer }).then((shown) => (came = came && shown));
}

function launcher(offer) {
  if (!marks.may(offer)) return;
  const button = makeLauncher(offer, () => {
    button.hide(true);
    open(offer.id, {
      by: 'visitor', offer, focus: true,
      gone: () => {
        if (!marks.may(offer)) return button.gone();
        button.hide(false);
        button.focus();
      },
    });
  });
  armed.push(button.gone);
}

function boxes(offer) {
  if (!marks.may(offer)) return;
  let found = [];
  try {
    found = document.querySelectorAll(offer.selector);
  } catch {
    // Not a selector.
  }
  for (const element of [...found].slice(0, 1)) whenSeen(element, offer.id, offer);
}

/** Elements that the site itself made for a survey: <div data-cx-survey="ID">. */
function embed() {
  for (const element of document.querySelectorAll('[data-cx-survey]')) whenSeen(element, element.dataset.cxSurvey);
}

function whenSeen(element, id, offer) {
  if (inline.has(element)) return;
  inline.set(element, null);
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    open(id, { by: 'place', offer, element });
  });
  watcher.observe(element);
}

// What is shown

/** Whether it opened. `by`: trigger · visitor (they pressed something of ours) · place (it stands in the page) · call. */
async function open(id, { by, trigger, offer, element, focus, gone, hidden, language }) {
  const kind = element ? 'inline' : offer?.kind;
  if (kind !== 'inline' && current) {
    if (by === 'trigger') return false;
    current.close('replaced');
  }
  const mine = kind === 'inline' ? turn : (turn += 1);
  const asked = await call(`/widget/${encodeURIComponent(id)}/open`, { ...visitor(), by, trigger, hidden, ...(language && { language }) });
  if (!asked?.open) {
    if (by === 'call') console.info('cx: the survey is not shown:', asked?.reason || 'unreachable');
    gone?.();
    return false;
  }
  const first = await call(`/s/w/${encodeURIComponent(id)}/view`, { token: asked.token });
  if ((!first?.view?.page && !first?.ending) || (kind !== 'inline' && mine !== turn)) {
    gone?.();
    return false;
  }
  show(id, { ...asked, kind: element ? 'inline' : asked.kind === 'inline' ? 'slide_in' : asked.kind, by, element, focus, gone, trigger }, first);
  return true;
}

function show(id, opened, first) {
  const { token, kind, by, element, gone } = opened;
  const entry = token.slice(0, 64); // its name in the outbox
  let frame, done, started, unsent;
  texts = opened.texts || texts;
  const properties = { survey: opened.key, survey_name: opened.name, kind };
  const shownAt = Date.now();
  const seconds = () => Math.round((Date.now() - shownAt) / 1000);
  const base = `/s/w/${encodeURIComponent(id)}`;
  let page = first.view?.page?.id;

  const form = makeForm({
    texts,
    async talk(step, answers) {
      if (!started) marks.put(id, 'started');
      started = true;
      // What is newer holds all that matters of what is older; but that the page was sent stays true.
      if (step === 'save' && unsent) step = unsent;
      const answer = await outbox.put(entry, `${base}/answers`, { token, page, answers, step, seconds: seconds() });
      unsent = answer || step === 'save' ? undefined : step;
      if (answer?.view?.page) page = answer.view.page.id;
      return answer;
    },
    view: () => call(`${base}/view`, { token, page }),
    upload: (question, files) => send(`${api.host}${base}/file`, token, question, files),
    host: api.host,
    finished() {
      done = true;
      marks.put(id, 'answered');
    },
    close: () => close('ending'),
    moved: () => frame?.top(),
  });

  outbox.watch(entry, (answer) => {
    if (answer.view?.page) page = answer.view.page.id;
    if (unsent) form.arrived(answer);
    unsent = undefined;
  });

  function close(how) {
    form.keepNow();
    outbox.unwatch(entry);
    removeEventListener('pagehide', form.keepNow);
    frame.gone();
    if (current?.id === id) current = undefined;
    if (element) inline.set(element, undefined);
    if (!done) {
      if (how !== 'replaced') marks.put(id, 'closed');
      api.track('survey_dismissed', { ...properties, how, answered: !!started, seconds: seconds() });
    }
    gone?.();
  }

  frame = makeFrame({ ...opened, look: opened.look || {}, place: element, name: opened.title || opened.name, texts, focus: by === 'visitor' }, form.root, close);
  if (kind !== 'inline') current = { id, close };
  else inline.set(element, { close });
  addEventListener('pagehide', form.keepNow);
  form.show(first, kind === 'popup');
  api.track('survey_shown', { ...properties, by, trigger: opened.trigger });
}

/** What the server kept of the files, or what it says is wrong with them. */
async function send(address, token, question, files) {
  try {
    const body = new FormData();
    for (const file of files) body.append(question, file, file.name);
    const answer = await fetch(`${address}?token=${token}`, { method: 'POST', body, credentials: 'omit' });
    return await answer.json();
  } catch {
    return {};
  }
}

/**
 * What was closed or answered here before, so that a visitor whom nobody knows is not asked again on the next page. It
 * is kept only once they did so, without who they are; the server remembers those whom it knows.
 */
function makeMarks(name) {
  const known = kept(name) || {};
  return {
    put(id, what) {
      known[id] = { what, at: Date.now() };
      keep(name, known);
    },
    may({ id, kind, repeat = 'once', every_days: days = 90 }) {
      const mark = known[id];
      if (!mark || repeat === 'always') return true;
      const answered = mark.what === 'answered';
      const long = Date.now() - mark.at > days * 86_400_000;
      if (repeat === 'every') return long;
      if (!UNASKED.includes(kind)) return !answered; // a button and a box stay where they are until it is answered
      return repeat === 'until_answered' && !answered && long;
    },
  };
}

// What the page and cx.js tell us

cx('extend', 'survey', {
  start(given) {
    api = given;
    outbox = makeOutbox(api.host, api.key);
    marks = makeMarks(`cx_${api.key}_surveys`);
    this.changed();
  },
  /** cx('survey', id, {element, language, hidden}) · cx('survey', 'close') · cx('survey', 'place') after a change of the page */
  run(id, options = {}) {
    if (id === 'close') {
      current?.close('command');
      for (const one of inline.values()) one?.close('command');
    } else if (id === 'place') {
      place();
    } else if (id) {
      const element = typeof options.element === 'string' ? document.querySelector(options.element) : options.element;
      open(String(id), { ...options, by: options.asked ? 'visitor' : 'call', focus: !!options.asked, element, offer: offers.find((one) => one.id === id) });
    }
  },
  /** Somebody else, or with another consent: ask again. */
  changed() {
    cancel();
    cancel = later(SETTLE, look);
  },
  saw(type, { event, properties = {} }) {
    if (type === 'page') {
      came = false;
      if (offers.length) place();
    } else if (type === 'track') {
      if (early?.length < MOST_EARLY) early.push([event, properties]);
      for (const one of [...listeners]) one(event, properties);
    }
  },
});
