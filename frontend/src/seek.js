// A click on the time of a transcript plays the recording from there.
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-seek]');
  const player = link && document.getElementById(link.dataset.player);
  if (!player) return;
  event.preventDefault();
  player.currentTime = Number(link.dataset.seek);
  player.play().catch(() => undefined); // a recording that this browser cannot play
});
