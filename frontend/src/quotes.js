// A quote as a picture, drawn here: nothing leaves the browser. Copied, or saved where the clipboard takes no pictures.
import { say, text } from './messages.js';

const WIDTH = 1280;
const EDGE = 96;

function lines(pen, words, width) {
  const made = [];
  let line = '';
  // Chinese has no spaces: where a word alone is too wide, it is cut by characters.
  for (const word of words.split(/(?<=\s)|(?<=[\u3000-\u9fff])/u)) {
    if (line && pen.measureText(line + word.trimEnd()).width > width) {
      made.push(line.trimEnd());
      line = '';
    }
    line += word;
  }
  return line.trim() ? [...made, line.trimEnd()] : made;
}

function draw(words, source) {
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d');
  const family = getComputedStyle(document.body).fontFamily;
  const font = `italic 44px ${family}`;
  pen.font = font;
  const rows = lines(pen, words, WIDTH - 2 * EDGE);
  canvas.width = WIDTH;
  canvas.height = 2 * EDGE + 64 * rows.length + 96;
  pen.fillStyle = '#ffffff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = '#206bc4';
  pen.fillRect(0, 0, 12, canvas.height);
  pen.fillStyle = '#182433';
  pen.font = font;
  pen.textBaseline = 'top';
  rows.forEach((row, number) => pen.fillText(row, EDGE, EDGE + 64 * number));
  pen.fillStyle = '#4b5a6b';
  pen.font = `28px ${family}`;
  pen.fillText(`— ${source}`, EDGE, EDGE + 64 * rows.length + 40);
  return canvas;
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-quote]');
  const card = button && document.querySelector(button.dataset.quote);
  if (!card) return;
  const canvas = draw(card.querySelector('blockquote').textContent.trim(), card.querySelector('figcaption').textContent.trim());
  const picture = new Promise((done) => { canvas.toBlob(done, 'image/png'); });
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
    say(text('copied'), 'success');
  } catch {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await picture);
    link.download = 'quote.png';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
});
