// A chart as a file: SVG or PNG with its title and legend, or CSV of the numbers behind it.
const SVG = 'http://www.w3.org/2000/svg';
const SCALE = 2; // pixels of the PNG for each of the screen, so that it is sharp on paper

export function element(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words) made.textContent = words;
  return made;
}

function picture(spec, figure, colours) {
  const drawn = figure.querySelector('.chart-picture svg');
  const width = drawn.clientWidth || Number(drawn.getAttribute('width'));
  const height = drawn.clientHeight || Number(drawn.getAttribute('height'));
  const pad = 16;
  let top = pad + 18;
  const words = [element('text', { x: pad, y: top, 'font-size': 16, 'font-weight': 600, fill: colours.ink }, spec.title)];
  if (spec.note) words.push(element('text', { x: pad, y: (top += 20), 'font-size': 12, fill: colours.faint }, spec.note));
  if (spec.legend.length) {
    top += 22;
    let x = pad;
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = `12px ${colours.font}`;
    for (const { name, colour } of spec.legend) {
      const room = pen.measureText(name).width + 34;
      if (x + room > width + pad && x > pad) {
        x = pad;
        top += 18;
      }
      words.push(element('rect', { x, y: top - 10, width: 11, height: 11, rx: 2, fill: colours.of(colour) }));
      words.push(element('text', { x: x + 16, y: top, 'font-size': 12, fill: colours.ink }, name));
      x += room;
    }
  }
  top += 10;
  const all = { width: width + 2 * pad, height: top + height + pad };
  const svg = element('svg', { xmlns: SVG, ...all, viewBox: `0 0 ${all.width} ${all.height}`, 'font-family': colours.font });
  const copy = drawn.cloneNode(true);
  for (const [key, value] of Object.entries({ x: pad, y: top, width, height })) copy.setAttribute(key, value);
  copy.removeAttribute('style');
  svg.append(element('rect', { width: '100%', height: '100%', fill: colours.surface }), ...words, copy);
  return { ...all, text: new XMLSerializer().serializeToString(svg) };
}

export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers.
function cell(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export async function png({ text, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const scale = Math.min(SCALE, 16000 / width, 16000 / height); // browsers draw no larger pictures
  const canvas = document.createElement('canvas');
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

export async function save(kind, spec, figure, colours) {
  if (kind === 'csv') {
    const lines = spec.table.map((row) => row.map(cell).join(','));
    download(new Blob([`\ufeff${lines.join('\r\n')}\r\n`], { type: 'text/csv' }), `${spec.name}.csv`);
    return;
  }
  const made = picture(spec, figure, colours);
  if (kind === 'svg') download(new Blob([made.text], { type: 'image/svg+xml' }), `${spec.name}.svg`);
  else download(await png(made), `${spec.name}.png`);
}
