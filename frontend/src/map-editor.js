// The editor of journey maps: focus after a change, keys, dragging; and a map as PNG.
const editor = () => document.getElementById('map-editor');
const typing = (element) => element.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');

document.addEventListener('htmx:afterSettle', (event) => {
  const now = editor();
  if (!now || event.detail.target?.id !== 'map-editor') return;
  const wanted = now.dataset.focus;
  const field = wanted && (document.getElementById(`id_${wanted}`) || document.getElementById(wanted));
  if (field) {
    field.focus();
    field.select?.();
  } else if (event.detail.requestConfig?.verb === 'get') {
    if (window.matchMedia('(max-width: 991px)').matches) document.getElementById('part')?.scrollIntoView();
    now.querySelector('#map-board [aria-current]')?.focus({ preventScroll: true });
  }
});

// Alt with an arrow moves the chosen part; Control with Z and Y go back and forth.
document.addEventListener('keydown', (event) => {
  if (!editor() || event.defaultPrevented) return;
  const press = (name) => {
    const button = editor().querySelector(`button[data-map-key="${name}"]:not([disabled])`);
    if (!button) return;
    event.preventDefault();
    button.click();
  };
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !typing(event.target)) {
    if (key === 'z') press(event.shiftKey ? 'redo' : 'undo');
    else if (key === 'y') press('redo');
  } else if (event.altKey && !event.ctrlKey && !event.metaKey && key.startsWith('arrow') && !event.target.closest('textarea, select')) {
    press(key.slice('arrow'.length));
  }
});

let dragged = null;
const over = (event) => event.target.closest?.('#map-board [data-drop]');
const clear = () => document.querySelectorAll('#map-board .target').forEach((one) => one.classList.remove('target'));

document.addEventListener('dragstart', (event) => {
  dragged = event.target.closest?.('#map-board [data-drag]') ?? null;
  dragged?.classList.add('dragged');
});
document.addEventListener('dragover', (event) => {
  if (!dragged) return;
  clear();
  const place = over(event);
  if (!place) return;
  event.preventDefault();
  (dragged.dataset.drag.startsWith('stage:') ? place.closest('.map-column') : place).classList.add('target');
});
document.addEventListener('drop', (event) => {
  const place = dragged && over(event);
  if (!place) return;
  event.preventDefault();
  const what = dragged.dataset.drag;
  const to = what.startsWith('stage:') ? place.closest('.map-column').dataset.drop : place.dataset.drop;
  if (to === what) return;
  const values = { do: `drop:${what}`, to, at: what };
  window.htmx.ajax('POST', editor().dataset.url, { values, target: '#map-editor', swap: 'outerHTML' });
});
document.addEventListener('dragend', () => {
  dragged?.classList.remove('dragged');
  clear();
  dragged = null;
});

// <button data-map-png="/address/of/the.svg">: the same picture in pixels, twice as fine as the screen.
document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-map-png]');
  if (!button) return;
  const answer = await fetch(button.dataset.mapPng);
  const name = /filename="(.+?)\.svg"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'map';
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await answer.text())}`;
  await image.decode();
  const scale = Math.min(2, 16000 / image.width, 16000 / image.height); // browsers draw no larger pictures
  const canvas = document.createElement('canvas');
  canvas.width = image.width * scale;
  canvas.height = image.height * scale;
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, 'image/png');
});
