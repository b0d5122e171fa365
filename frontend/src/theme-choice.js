// Light, dark, or as the system says; remembered by the browser.
const KEY = 'cxm-theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

export function chosenTheme() {
  try {
    const choice = localStorage.getItem(KEY);
    return choice === 'light' || choice === 'dark' ? choice : 'auto';
  } catch {
    return 'auto'; // storage can be forbidden
  }
}

export function applyTheme(choice = chosenTheme()) {
  const dark = choice === 'dark' || (choice === 'auto' && system.matches);
  document.documentElement.setAttribute('data-bs-theme', dark ? 'dark' : 'light');
}

export function chooseTheme(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // the choice then lasts as long as the page
  }
  applyTheme(choice);
}

export function whenSystemChanges(callback) {
  system.addEventListener('change', callback);
}
