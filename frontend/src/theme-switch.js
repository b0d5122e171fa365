// <button data-theme-choice="light|dark|auto">: the chosen one is pressed.
import { applyTheme, chosenTheme, chooseTheme, whenSystemChanges } from './theme-choice.js';

function show() {
  const choice = chosenTheme();
  for (const button of document.querySelectorAll('[data-theme-choice]')) {
    const chosen = button.dataset.themeChoice === choice;
    button.setAttribute('aria-pressed', String(chosen));
    button.classList.toggle('active', chosen);
  }
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-theme-choice]');
  if (!button) return;
  chooseTheme(button.dataset.themeChoice);
  show();
});
whenSystemChanges(() => applyTheme());
show();
