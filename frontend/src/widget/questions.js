// Each kind of question as form controls. A control is {node, read, focus}: `read` gives the answer as it is stored,
// undefined where there is none; `changed(at_once)` is called with every change of it.
import { fresh, h, put } from './dom.js';
import { face, star, thumb } from './drawings.js';
import { constantSum, contact, file, matrix, maxdiff, ranking } from './larger.js';
import { pick } from './pick.js';

const TYPES = { number: 'number', email: 'email', phone: 'tel', url: 'url', date: 'date' };
const COMPLETE = { email: 'email', phone: 'tel', url: 'url' };

const checked = (picks) => picks.filter(({ input }) => input.checked).map(({ input }) => input.value);
const focusFirst = (picks) => () => (picks.find(({ input }) => input.checked) || picks[0])?.input.focus();

const plain = (value) => String(Math.round(value * 1e9) / 1e9);

/** "7 of 10: Very likely" – what a reader who does not see the row of points hears. */
function named(scale, point, texts) {
  const of = put(texts.of, { n: plain(point.value), m: plain(scale.highest) });
  return point.label ? `${of}: ${point.label}` : of;
}

function scored(question, texts, changed) {
  const { scale } = question;
  const { points = [] } = scale;
  if (!points.length) return slider(question, scale, texts, changed);
  const group = fresh();
  const drawn = scale.look === 'stars' || scale.look === 'faces';
  const paint = () => {
    const at = picks.findIndex(({ input }) => input.checked);
    picks.forEach(({ node }, index) => node.classList.toggle('on', scale.look === 'stars' ? index <= at : index === at));
  };
  const picks = points.map((point, index) =>
    pick({
      name: group,
      value: plain(point.value),
      checked: question.value === point.value,
      label: named(scale, point, texts),
      look: drawn ? scale.look : 'point',
      drawing:
        scale.look === 'stars'
          ? star()
          : scale.look === 'faces'
            ? face(points.length > 1 ? index / (points.length - 1) : 1)
            : h('span', { 'aria-hidden': 'true' }, plain(point.value)),
      onchange: () => {
        paint();
        changed(true);
      },
    }),
  );
  paint();
  const row = h('div', { class: 'points' }, picks.map(({ node }) => node));
  if (picks.length > 7) {
    // More than fit side by side on a phone: in rows of about the same length.
    const rows = Math.ceil(picks.length / 7);
    row.classList.add('many');
    row.style.setProperty('--n', Math.ceil(picks.length / rows));
  }
  return {
    node: h('div', { class: 'scale' }, row, ends(scale)),
    read: () => (checked(picks).length ? Number(checked(picks)[0]) : undefined),
    focus: focusFirst(picks),
  };
}

const ends = ({ lowest_label: low, highest_label: high }) =>
  (low || high) && h('div', { class: 'ends', 'aria-hidden': 'true' }, h('span', {}, low || ''), h('span', {}, high || ''));

function slider(question, scale, texts, changed) {
  let touched = question.value !== undefined && question.value !== null;
  const shown = h('output', { class: 'shown' }, touched ? String(question.value) : '–');
  const input = h('input', {
    type: 'range', min: scale.lowest, max: scale.highest, step: scale.step, 'aria-label': question.title,
    'aria-valuetext': touched ? null : texts.not_answered,
    oninput: () => {
      touched = true;
      input.removeAttribute('aria-valuetext');
      shown.value = input.value;
      changed(false);
    },
  });
  // The middle is where it lies until somebody moves it; a press on it as it lies is an answer, too.
  input.value = touched ? question.value : (scale.lowest + scale.highest) / 2;
  input.addEventListener('pointerup', () => !touched && input.dispatchEvent(new Event('input')));
  return {
    node: h('div', { class: 'slider' }, input, shown, ends(scale)),
    read: () => (touched ? Number(input.value) : undefined),
    focus: () => input.focus(),
  };
}

function two(question, texts, changed) {
  const group = fresh();
  const thumbs = question.kind === 'thumbs';
  const words = thumbs ? [texts.thumb_up, texts.thumb_down] : [texts.yes, texts.no];
  const picks = [true, false].map((value, index) =>
    pick({
      name: group, value: String(value), checked: question.value === value, label: words[index],
      look: thumbs ? 'faces' : 'card', drawing: thumbs && thumb(value), onchange: () => changed(true),
    }),
  );
  return {
    node: h('div', { class: 'two' }, picks.map(({ node }) => node)),
    read: () => (checked(picks).length ? checked(picks)[0] === 'true' : undefined),
    focus: focusFirst(picks),
  };
}

/** Single and several choices, with pictures or without; one may ask for a text of its own ("other"). */
function choices(question, texts, changed, { host }) {
  const several = question.kind === 'multiple' || (question.kind === 'picture' && question.several);
  const group = fresh();
  const held = [question.value ?? []].flat();
  const pictures = question.kind === 'picture';
  const other = question.choices.find((one) => one.other);
  const more = other && h('input', {
    type: 'text', class: 'text', value: question.other || '', maxlength: 1000, 'aria-label': texts.other,
    placeholder: texts.other, oninput: () => changed(false),
  });
  const show = () => {
    if (more) more.hidden = !picks.some(({ input }) => input.checked && input.value === other.id);
  };
  const picks = question.choices.map((one) => {
    const picture = pictures && one.image && h('img', { src: one.image[0] === '/' ? host + one.image : one.image, alt: '', loading: 'lazy' });
    const made = pick({
      type: several ? 'checkbox' : 'radio', name: group, value: one.id, checked: held.includes(one.id), label: one.label,
      look: pictures ? 'picture' : 'card',
      onchange: () => {
        if (several && made.input.checked) {
          picks.forEach((each, index) => {
            const alone = one.exclusive || question.choices[index].exclusive;
            if (each !== made && alone) each.input.checked = false;
          });
        }
        show();
        changed(!several && !one.other);
      },
    });
    if (picture) made.node.prepend(picture);
    return made;
  });
  show();
  return {
    node: h('div', { class: pictures ? 'pictures' : 'stack' }, picks.map(({ node }) => node), more),
    read: () => (several ? (checked(picks).length ? checked(picks) : undefined) : checked(picks)[0]),
    other: () => (more && !more.hidden ? more.value.trim() : undefined),
    focus: focusFirst(picks),
  };
}

function dropdown(question, texts, changed) {
  const other = question.choices.find((one) => one.other);
  const select = h(
    'select',
    { class: 'text', onchange: () => (show(), changed(true)) },
    h('option', { value: '' }, question.placeholder || texts.choose),
    question.choices.map((one) => h('option', { value: one.id }, one.label)),
  );
  select.value = question.value ?? '';
  const more = other && h('input', {
    type: 'text', class: 'text', value: question.other || '', maxlength: 1000, 'aria-label': texts.other,
    placeholder: texts.other, oninput: () => changed(false),
  });
  const show = () => more && (more.hidden = select.value !== other.id);
  show();
  return {
    node: h('div', { class: 'stack' }, select, more),
    target: select,
    read: () => select.value || undefined,
    other: () => (more && !more.hidden ? more.value.trim() : undefined),
    focus: () => select.focus(),
  };
}

function written(question, texts, changed) {
  const long = question.kind === 'long_text';
  const text = long || question.kind === 'short_text';
  const input = h(long ? 'textarea' : 'input', {
    class: 'text', type: long ? null : TYPES[question.kind] || 'text', rows: long ? 4 : null,
    placeholder: question.placeholder || null, autocomplete: COMPLETE[question.kind], value: question.value ?? '',
    maxlength: text ? null : 1000,
    step: question.kind === 'number' ? 'any' : null,
    oninput: () => changed(false),
  });
  return {
    node: input,
    target: input,
    read: () => {
      if (question.kind !== 'number') return input.value.trim() || undefined;
      if (input.validity.badInput) return input.value || ' '; // the server says what is wrong with it
      return input.value === '' ? undefined : Number(input.value);
    },
    focus: () => input.focus(),
  };
}

function consent(question, texts, changed) {
  const { input, node } = pick({
    type: 'checkbox', value: 'yes', checked: question.value === true, label: question.title,
    onchange: () => changed(true),
  });
  // What was ticked and then not is a no; what was never touched is no answer.
  let touched = typeof question.value === 'boolean';
  input.addEventListener('change', () => (touched = true));
  return { node, read: () => (input.checked ? true : touched ? false : undefined), focus: () => input.focus() };
}

const statement = () => ({ node: null, read: () => undefined, focus() {} });

const KINDS = {
  nps: scored, csat: scored, ces: scored, rating: scored, slider: scored, yes_no: two, thumbs: two,
  single: choices, multiple: choices, picture: choices, dropdown,
  matrix, ranking, constant_sum: constantSum, maxdiff, file, contact, consent, statement,
};

/** One question with its title, its hint and its error, whichever kind it is. `extra` is what a file needs. */
export function ask(asked, texts, changed, extra) {
  // What was typed and could not be read comes back as it was typed; the author's default shows until there is an answer.
  const question = { choices: [], rows: [], ...asked, value: asked.value ?? (asked.entered || asked.prefill) };
  const control = (KINDS[question.kind] || written)(question, texts, changed, extra);
  const [hint, wrong] = [fresh(), fresh()];
  const error = h('p', { class: 'error', id: wrong, hidden: true });
  const title = [
    question.title,
    question.required && h('span', { class: 'must', title: texts.required }, h('span', { 'aria-hidden': 'true' }, ' *'),
      h('span', { class: 'sr' }, ` (${texts.required})`)),
  ];
  const below = [question.hint && h('p', { class: 'hint', id: hint }, question.hint)];
  const described = [question.hint && hint, wrong].filter(Boolean).join(' ');
  let node;
  if (control.target) {
    control.target.id = fresh();
    control.target.setAttribute('aria-describedby', described);
    control.target.setAttribute('aria-required', String(!!question.required));
    node = h('div', { class: 'question' }, h('label', { class: 'title', for: control.target.id }, title), below);
  } else if (question.kind === 'statement') {
    const safe = /^(https?:|mailto:|tel:)/i.test(question.link || '');
    node = h('div', { class: 'question' }, h('p', { class: 'title' }, question.title), below,
      safe && h('p', {}, h('a', { href: question.link, target: '_blank', rel: 'noopener' }, question.link_label || question.link)));
  } else {
    const shown = question.kind === 'consent' ? h('legend', { class: 'sr' }, texts.consent) : h('legend', { class: 'title' }, title);
    node = h('fieldset', { class: 'question', 'aria-describedby': described }, shown, below);
  }
  if (control.node) node.append(control.node);
  node.append(error);
  const say = (message) => {
    error.textContent = message || '';
    error.hidden = !message;
    (control.target || node).toggleAttribute('aria-invalid', false);
    if (message) (control.target || node).setAttribute('aria-invalid', 'true');
  };
  say((question.problems || []).map(({ message }) => message).join(' '));
  return { ...control, node, say, question };
}
