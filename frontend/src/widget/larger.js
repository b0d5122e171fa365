// The larger kinds of question: matrix, ranking, constant sum, MaxDiff, file, contact.
import { fresh, h, put } from './dom.js';
import { pick } from './pick.js';

const PARTS = {
  name: ['text', 'name'], first_name: ['text', 'given-name'], last_name: ['text', 'family-name'], email: ['email', 'email'],
  phone: ['tel', 'tel'], company: ['text', 'organization'], address: ['text', 'street-address'],
  street: ['text', 'address-line1'], line2: ['text', 'address-line2'], region: ['text', 'address-level1'], city: ['text', 'address-level2'], zip: ['text', 'postal-code'],
  postcode: ['text', 'postal-code'], country: ['text', 'country-name'], url: ['url', 'url'], website: ['url', 'url'],
};
const own = (values) => (Object.keys(values).length ? values : undefined);

/** A row of a matrix is a group of its own: on a phone a table would have to be scrolled sideways. */
export function matrix(question, texts, changed) {
  const type = question.several ? 'checkbox' : 'radio';
  const rows = question.rows.map((row) => {
    const group = fresh();
    const held = [question.value?.[row.id] ?? []].flat();
    const picks = question.choices.map((column) =>
      pick({
        type, name: group, value: column.id, checked: held.includes(column.id), label: column.label,
        onchange: () => changed(false),
      }),
    );
    const legend = h('legend', { class: 'row' }, row.label, row.required && h('span', { 'aria-hidden': 'true' }, ' *'));
    return { row, picks, node: h('fieldset', {}, legend, h('div', { class: 'wrap' }, picks.map(({ node }) => node))) };
  });
  return {
    node: h('div', { class: 'matrix' }, rows.map(({ node }) => node)),
    read() {
      const values = {};
      for (const { row, picks } of rows) {
        const chosen = picks.filter(({ input }) => input.checked).map(({ input }) => input.value);
        if (chosen.length) values[row.id] = question.several ? chosen : chosen[0];
      }
      return own(values);
    },
    focus: () => rows[0]?.picks[0]?.input.focus(),
  };
}

/** Press in the order of preference; pressing again takes back. Needs no dragging. */
export function ranking(question, texts, changed) {
  const order = [...(question.value || [])];
  const said = h('p', { class: 'sr', 'aria-live': 'polite' });
  const paint = () => {
    for (const { one, button, place } of items) {
      const at = order.indexOf(one.id);
      place.textContent = at < 0 ? '' : String(at + 1);
      button.setAttribute('aria-pressed', String(at >= 0));
    }
  };
  const items = question.choices.map((one) => {
    const place = h('span', { class: 'place' });
    const press = () => {
      const at = order.indexOf(one.id);
      if (at >= 0) order.splice(at, 1);
      else order.push(one.id);
      paint();
      said.textContent =
        at < 0 ? put(texts.ranked, { choice: one.label, n: order.length }) : put(texts.unranked, { choice: one.label });
      changed(order.length === question.choices.length);
    };
    const button = h('button', { type: 'button', class: 'pick card rank', onclick: press }, place, h('span', {}, one.label));
    return { one, button, place };
  });
  paint();
  return {
    node: h('div', { class: 'stack' }, h('p', { class: 'hint' }, texts.rank_hint), items.map(({ button }) => button), said),
    read: () => (order.length ? [...order] : undefined),
    focus: () => items[0]?.button.focus(),
  };
}

export function constantSum(question, texts, changed) {
  const left = h('output', { class: 'hint' });
  const paint = () => {
    if (question.total === undefined || question.total === null) return;
    const given = inputs.reduce((sum, { input }) => sum + (Number(input.value) || 0), 0);
    left.value = put(texts.left, { n: Math.round((question.total - given) * 1e6) / 1e6, m: question.total });
  };
  const inputs = question.choices.map((one) => {
    const input = h('input', {
      id: fresh(), class: 'text part', type: 'number', min: 0, step: 'any', inputmode: 'decimal',
      value: question.value?.[one.id] ?? '',
      oninput: () => {
        paint();
        changed(false);
      },
    });
    return { one, input };
  });
  paint();
  return {
    node: h('div', { class: 'stack' },
      inputs.map(({ one, input }) => h('div', { class: 'line' }, h('label', { for: input.id }, one.label), input)), left),
    read: () => own(Object.fromEntries(
      inputs.filter(({ input }) => input.value !== '').map(({ one, input }) => [one.id, Number(input.value)]))),
    focus: () => inputs[0]?.input.focus(),
  };
}

/** In each task the best and the worst of a few. `tasks` are lists of ids. */
export function maxdiff(question, texts, changed) {
  const labels = Object.fromEntries(question.choices.map((one) => [one.id, one.label]));
  const tasks = (question.tasks || []).map((ids, index) => {
    const held = question.value?.[index] || {};
    const sides = { best: [], worst: [] };
    const groups = { best: fresh(), worst: fresh() };
    const radio = (side, id) => {
      const input = h('input', {
        type: 'radio', name: groups[side], value: id, checked: held[side] === id,
        'aria-label': `${texts[side]}: ${labels[id]}`,
        onchange() {
          const other = sides[side === 'best' ? 'worst' : 'best'].find((one) => one.value === id);
          other.checked = false; // nothing is both
          changed(false);
        },
      });
      sides[side].push(input);
      return h('label', { class: 'spot' }, input);
    };
    const rows = ids.map((id) =>
      h('div', { class: 'task-row' }, radio('best', id), h('span', { 'aria-hidden': 'true' }, labels[id]), radio('worst', id)),
    );
    const head = h('div', { class: 'task-row head', 'aria-hidden': 'true' }, h('span', {}, texts.best), h('span', {}), h('span', {}, texts.worst));
    const legend = h('legend', { class: 'row' }, put(texts.of, { n: index + 1, m: question.tasks.length }));
    const chosen = (side) => sides[side].find((one) => one.checked)?.value;
    return { node: h('fieldset', { class: 'task' }, legend, head, rows), chosen, first: () => sides.best[0] };
  });
  return {
    node: h('div', { class: 'stack' }, tasks.map(({ node }) => node)),
    read() {
      const values = tasks.map(({ chosen }) => {
        const [best, worst] = [chosen('best'), chosen('worst')];
        return { ...(best && { best }), ...(worst && { worst }) };
      });
      return values.some((one) => Object.keys(one).length) ? values : undefined;
    },
    focus: () => tasks[0]?.first().focus(),
  };
}

/** Files go up as they are chosen, and are the answer as soon as the server has them. */
export function file(question, texts, changed, { upload }) {
  const most = question.at_most || 1;
  const megabytes = question.largest_mb || 10;
  let held = [...(question.value || [])];
  let cleared = false;
  const list = h('ul', { class: 'files' });
  const said = h('p', { class: 'hint', role: 'status' });
  const remove = () => {
    held = [];
    cleared = true;
    paint();
    input.focus();
    changed(true);
  };
  const paint = () => {
    list.replaceChildren(...held.map(({ name }) => h('li', {}, name)));
    list.hidden = clear.hidden = !held.length;
  };
  const clear = h('button', { type: 'button', class: 'quiet', onclick: remove }, texts.remove_files);
  const input = h('input', {
    type: 'file', class: 'text', accept: (question.accept || []).join(), multiple: most > 1,
    async onchange() {
      const files = [...input.files].slice(0, most);
      const large = files.find(({ size }) => size > megabytes * 1024 * 1024);
      if (!files.length) return;
      if (large) {
        said.textContent = put(texts.file_too_large, { name: large.name, n: megabytes });
      } else {
        said.textContent = texts.sending;
        const got = await upload(question.id, files);
        said.textContent = got.files ? '' : got.message || texts.failed;
        if (got.files) {
          held = got.files;
          cleared = false;
        }
      }
      input.value = '';
      paint();
    },
  });
  paint();
  return {
    node: h('div', { class: 'stack' }, input, list, clear, said),
    target: input,
    kept: () => !cleared, // the server has them: they are not sent with the page
    read: () => undefined,
    focus: () => input.focus(),
  };
}

export function contact(question, texts, changed) {
  // The parts of a contact block are its choices.
  const inputs = question.choices.map((one) => {
    const [type, autocomplete] = PARTS[one.id] || ['text', null];
    const input = h('input', {
      id: fresh(), class: 'text', type, autocomplete, maxlength: 500, value: question.value?.[one.id] ?? '',
      'aria-required': one.required ? 'true' : null, oninput: () => changed(false),
    });
    return { one, input };
  });
  return {
    node: h('div', { class: 'stack' },
      inputs.map(({ one, input }) =>
        h('div', {}, h('label', { for: input.id }, one.label, one.required && h('span', { 'aria-hidden': 'true' }, ' *')), input))),
    read: () => own(Object.fromEntries(
      inputs.filter(({ input }) => input.value.trim()).map(({ one, input }) => [one.id, input.value.trim()]))),
    focus: () => inputs[0]?.input.focus(),
  };
}
