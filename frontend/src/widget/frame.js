// What a survey stands in: a pop-up that takes the page, a slide-in in a corner, a box in the page, a button.
import { cross } from './drawings.js';
import { fresh, h } from './dom.js';
import { CSS } from './style.js';

const FONTS = { serif: 'Georgia,"Times New Roman",serif', rounded: 'ui-rounded,"Arial Rounded MT Bold",system-ui,sans-serif' };
const RIGHT_TO_LEFT = /^(ar|arc|ckb|dv|fa|he|ku|ps|sd|ug|ur|yi)(-|$)/i;

let sheet;
function put(root) {
  try {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
    }
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(h('style', {}, CSS)); // a browser from before 2023; a strict policy leaves it plain
  }
}

function luminance(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** A host element with a shadow root in the looks of a survey. */
function makeHost({ look = {}, language = 'en' }, place) {
  const host = document.createElement('div');
  host.lang = language;
  host.dir = RIGHT_TO_LEFT.test(language) ? 'rtl' : 'ltr';
  host.dataset.cxWidget = '';
  const root = host.attachShadow({ mode: 'open' });
  put(root);
  const themed = h('div', {});
  root.append(themed);
  if (/^#[0-9a-f]{6}$/i.test(look.accent || '')) {
    themed.style.setProperty('--a', look.accent);
    // Black or white, whichever is easier to read on it.
    themed.style.setProperty('--on', luminance(look.accent) > 0.179 ? '#000' : '#fff');
  }
  if (FONTS[look.font]) host.style.setProperty('--font', FONTS[look.font]);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const paint = () => themed.classList.toggle('dark', look.dark === 'always' || (look.dark !== 'never' && dark.matches));
  paint();
  dark.addEventListener('change', paint);
  place.append(host);
  const gone = () => {
    dark.removeEventListener('change', paint);
    host.remove();
  };
  return { host, themed, gone };
}

/** `close(how)` is called when the person wants it closed. `focus`: they asked for it, so it may take the focus. */
export function makeFrame({ kind, corner, place, look, language, name, texts, focus }, content, close) {
  const before = document.activeElement;
  const { themed, gone } = makeHost({ look, language }, place || document.body);
  const modal = kind === 'popup';
  const heading = fresh();
  const x = h('button', { type: 'button', class: 'x', 'aria-label': texts.close, onclick: () => close('button') }, cross());
  const logo = look.logo && h('img', { class: 'logo', src: look.logo, alt: '' });
  const inside = [h('span', { class: 'sr', id: heading }, name), kind !== 'inline' && h('div', { class: 'top' }, x), logo, content];
  let box;
  if (modal) {
    box = h('dialog', { class: 'shell float', 'aria-labelledby': heading }, inside);
    box.addEventListener('cancel', (event) => {
      event.preventDefault();
      close('escape');
    });
    box.addEventListener('click', (event) => event.target === box && outside(event, box) && close('outside'));
  } else if (kind === 'inline') {
    box = h('section', { class: 'shell inline', 'aria-labelledby': heading }, inside);
  } else {
    box = h('section', { class: `shell float slide_in ${corner}`, role: 'dialog', 'aria-labelledby': heading, tabindex: -1 }, inside);
    box.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      close('escape');
    });
  }
  themed.append(box);
  if (modal) box.showModal();
  else if (focus && kind !== 'inline') box.focus();
  return {
    box,
    top: () => (box.scrollTop = 0),
    gone() {
      const within = themed.getRootNode().activeElement;
      gone();
      if ((modal || within) && before?.isConnected) before.focus?.();
    },
  };
}

function outside(event, box) {
  const { left, right, top, bottom } = box.getBoundingClientRect();
  return event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
}

/** The feedback button that stays at the edge of the page. */
export function makeLauncher({ label, corner, look, language }, press) {
  const { host, themed, gone } = makeHost({ look, language }, document.body);
  const button = h('button', { type: 'button', class: `launch ${corner}`, onclick: press }, label);
  themed.append(button);
  return { gone, hide: (is) => (host.hidden = is), focus: () => button.focus() };
}
