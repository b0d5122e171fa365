import { h } from './dom.js';

/** A radio or a checkbox that looks like a button or a card; the native input is what is focused and pressed. */
export function pick({ type = 'radio', name, value, checked, label, look = 'card', drawing, onchange }) {
  const input = h('input', { type, name, value, checked, onchange, 'aria-label': drawing && label });
  const node = h('label', { class: `pick ${look}`, title: drawing && label }, input, drawing || h('span', {}, label));
  return { input, node };
}
