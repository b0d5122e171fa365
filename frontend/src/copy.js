// <button data-copy="#id"> or data-copy-text="…": puts the text of that element on the clipboard.
import { say, text } from './messages.js';

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy], [data-copy-text]');
  if (!button) return;
  const source = button.dataset.copy && document.querySelector(button.dataset.copy);
  const words = button.dataset.copyText ?? source?.value ?? source?.textContent ?? '';
  try {
    await navigator.clipboard.writeText(words.trim());
  } catch {
    // Without HTTPS the clipboard is closed to us: select the text, so that the person can copy it.
    if (source) window.getSelection().selectAllChildren(source);
    return;
  }
  const before = button.getAttribute('aria-label');
  button.classList.add('copied');
  button.setAttribute('aria-label', text('copied'));
  setTimeout(() => {
    button.classList.remove('copied');
    if (before === null) button.removeAttribute('aria-label');
    else button.setAttribute('aria-label', before);
  }, 2000);
  if (!button.closest('#messages')) say(text('copied'), 'success');
});
