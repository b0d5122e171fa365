// Elements without markup from text: nothing that a survey or a visitor wrote is ever read as HTML.
const SVG = 'http://www.w3.org/2000/svg';
let last = 0;

/** An id that is unique in this script. */
export const fresh = () => `q${(last += 1)}`;

/** h('p', {class: 'hint', onclick: f}, 'text', node): false, null and undefined leave out an attribute or a child. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (name === 'value') node.value = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(2).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/** "{n} of {m}" with n and m. */
export const put = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
