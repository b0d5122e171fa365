// Closes the phone's menu when a person leaves it with Escape, and gives the focus back to its button.
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = document.getElementById('menu');
  const button = document.querySelector('[data-bs-target="#menu"]');
  if (menu?.classList.contains('show') && button?.offsetParent) {
    button.click();
    button.focus();
  }
});
