// <figure data-picture="name"> with an SVG that the server drew: its buttons data-save-as="png" or "svg" save it
// as the screen shows it, with its title above; the styles go along, because a file has no style sheet.
import { download, element, png } from './chart-save.js';

const STYLES = [
  'fill', 'fill-opacity', 'stroke', 'stroke-opacity', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin',
  'paint-order', 'opacity', 'font-size', 'font-weight', 'text-anchor',
];
const PAD = 16;

function copyStyles(from, to) {
  const style = getComputedStyle(from);
  for (const name of STYLES) to.setAttribute(name, style.getPropertyValue(name));
  to.removeAttribute('class');
  [...from.children].forEach((child, place) => copyStyles(child, to.children[place]));
}

function picture(figure) {
  const drawn = figure.querySelector('svg.path-picture');
  const width = Number(drawn.getAttribute('width'));
  const height = Number(drawn.getAttribute('height'));
  const style = getComputedStyle(figure);
  const copy = drawn.cloneNode(true);
  copyStyles(drawn, copy);
  // Links lead nowhere from a file, and what answers to the mouse only would be seen in it.
  copy.querySelectorAll('a').forEach((link) => {
    link.removeAttribute('href');
    link.removeAttribute('aria-label');
  });
  const touched = [...drawn.querySelectorAll('*')];
  [...copy.querySelectorAll('*')].forEach((one, place) => touched[place].matches('.path-touch') && one.remove());
  const top = PAD + 28;
  for (const [key, value] of Object.entries({ x: PAD, y: top, width, height })) copy.setAttribute(key, value);
  const words = figure.dataset.pictureTitle;
  const all = { width: Math.max(width + 2 * PAD, 9 * words.length), height: top + height + PAD };
  const svg = element('svg', {
    xmlns: 'http://www.w3.org/2000/svg', ...all, viewBox: `0 0 ${all.width} ${all.height}`, 'font-family': style.fontFamily,
  });
  const ink = style.getPropertyValue('--cxm-ink').trim();
  const surface = style.getPropertyValue('--tblr-bg-surface').trim() || '#fff';
  svg.append(
    element('rect', { width: '100%', height: '100%', fill: surface }),
    element('text', { x: PAD, y: PAD + 16, 'font-size': 16, 'font-weight': 600, fill: ink }, words),
    copy,
  );
  return { ...all, text: new XMLSerializer().serializeToString(svg) };
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-save-as]');
  const figure = button?.closest('[data-picture]');
  if (!figure) return;
  const made = picture(figure);
  const name = figure.dataset.picture;
  if (button.dataset.saveAs === 'svg') download(new Blob([made.text], { type: 'image/svg+xml' }), `${name}.svg`);
  else download(await png(made), `${name}.png`);
});
