// One response on its way: the page that the server says is due, its answers as they are given, the next page, the end.
import { h, put } from './dom.js';
import { ask } from './questions.js';

const PAUSE = 800; // milliseconds after the last key until what was written is kept

/** `talk(step, answers)` tells the server and gives its answer, null while it cannot be reached; `view()` asks only. */
export function makeForm({ texts, talk, view, upload, host, finished, close, moved }) {
  const root = h('div', { class: 'form' });
  const said = h('p', { class: 'status', role: 'status' });
  let controls = [];
  let shown;
  let timer = 0;
  let busy = false;

  function answers() {
    const given = {};
    for (const control of controls) {
      if (control.question.kind === 'statement' || control.kept?.()) continue;
      given[control.question.id] = control.read() ?? null;
      if (control.other) given[`${control.question.id}.other`] = control.other() || null;
    }
    return given;
  }

  function changed(atOnce) {
    clearTimeout(timer);
    timer = setTimeout(save, atOnce ? 0 : PAUSE);
  }

  /** Keep what there is. Where other questions depend on it, the page may look different afterwards. */
  async function save() {
    timer = 0;
    const drawn = shown;
    let answer = await talk('save', answers());
    if (answer && controls.some(({ question }) => question.live)) answer = await view();
    if (shown !== drawn) return; // the visitor has gone on meanwhile
    if (!answer?.view?.page || busy || timer || shape(answer.view) === shape(shown)) return;
    const at = focused();
    page(answer.view, false);
    at();
  }

  /** Where the focus is, as something that puts it back there on the page drawn anew. */
  function focused() {
    const find = () => [...root.querySelectorAll('[data-q] :is(input,select,textarea,button)')];
    const active = root.getRootNode().activeElement;
    const place = (one) => `${one.closest('[data-q]').dataset.q} ${one.type} ${one.type === 'radio' || one.type === 'checkbox' ? one.value : ''}`;
    const was = active && root.contains(active) && active.closest('[data-q]') && place(active);
    return () => was && find().find((one) => place(one) === was)?.focus();
  }

  /** What was written and not kept yet, when the widget closes or the page is left. */
  function keepNow() {
    if (timer) save();
    clearTimeout(timer);
    timer = 0;
  }

  function wait(is) {
    busy = is;
    root.toggleAttribute('aria-busy', is);
    for (const button of root.querySelectorAll('.foot button')) button.disabled = is;
  }

  async function go(way) {
    if (busy) return;
    clearTimeout(timer);
    timer = 0;
    said.textContent = '';
    wait(true);
    arrived(await talk(way, answers()));
  }

  /** The server's answer to a page that was sent, now or when the network was back. */
  function arrived(answer) {
    wait(false);
    if (!answer) {
      said.textContent = texts.offline;
      return;
    }
    if (answer.view?.page || answer.ending) show(answer, true);
    else said.textContent = answer.message || texts.failed;
  }

  function show(answer, focus) {
    if (answer.ending) end(answer.ending, focus);
    else page(answer.view, focus);
    moved();
  }

  function page(view, focus) {
    controls = [];
    shown = view;
    const sections = (view.page.sections || []).map((section) => {
      const asked = (section.questions || []).map((question) => {
        const control = ask(question, texts, changed, { upload, host });
        control.node.dataset.q = question.id;
        controls.push(control);
        return control.node;
      });
      return h('div', { class: 'section' }, section.title && h('h3', {}, section.title), section.text && paragraphs(section.text), asked);
    });
    const title = view.page.title || (view.intro && view.title);
    const head = title && h('h2', { tabindex: -1 }, title);
    const form = h(
      'form',
      {
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          go('next');
        },
      },
      head,
      view.intro && paragraphs(view.intro),
      sections,
      said,
      h('div', { class: 'foot' },
        view.back && h('button', { type: 'button', class: 'quiet', onclick: () => go('back') }, texts.back),
        h('button', { type: 'submit', class: 'main' }, view.last ? texts.send : texts.next)),
      view.of > 1 && progress(view, texts),
      view.purpose && h('p', { class: 'purpose' }, view.purpose),
    );
    root.replaceChildren(form);
    const wrong = controls.find(({ question }) => question.problems?.length);
    if (wrong) wrong.focus();
    else if (focus) (head || controls[0])?.focus();
  }

  function end(ending, focus) {
    controls = [];
    const title = h('h2', { tabindex: -1 }, ending.title || texts.thanks);
    const safe = /^(https?:|mailto:|tel:)/i.test(ending.link || '');
    root.replaceChildren(
      h('div', { class: 'ending' }, title, ending.text && paragraphs(ending.text),
        safe && h('p', {}, h('a', { href: ending.link, target: '_blank', rel: 'noopener' }, ending.link_label || ending.link)),
        h('button', { type: 'button', class: 'main', onclick: close }, texts.close)),
    );
    if (focus) title.focus();
    finished();
    if (safe && ending.redirect) location.assign(ending.link);
  }

  return { root, show, arrived, keepNow, focus: () => (root.querySelector('h2') || controls[0])?.focus(), open: () => controls.length > 0 };
}

const paragraphs = (text) => text.split(/\n{2,}/).map((part) => h('p', {}, part));

/** What a page is made of, without what was answered. */
const shape = (view) =>
  JSON.stringify(view.page, (name, value) => (['value', 'other', 'entered', 'chosen', 'problems'].includes(name) ? undefined : value)) +
  view.last;

function progress({ progress: value = 0, number = 1, of }, texts) {
  const bar = h('progress', { max: 1, 'aria-label': put(texts.page, { n: number, m: of }) });
  bar.value = value;
  return bar;
}
