// Short messages at the top of the page. The words come from the server, in <template id="texts" data-…>.
export function text(name) {
  return document.getElementById('texts')?.dataset[name] ?? '';
}

export function say(words, tone = 'info') {
  const list = document.getElementById('messages');
  if (!list || !words) return;
  const box = document.createElement('div');
  box.className = `alert alert-${tone} alert-dismissible`;
  box.setAttribute('role', tone === 'danger' ? 'alert' : 'status');
  box.append(words);
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'btn-close';
  close.setAttribute('aria-label', text('close'));
  close.dataset.closeMessage = '';
  box.append(close);
  list.append(box);
}

document.addEventListener('click', (event) => {
  event.target.closest('[data-close-message]')?.closest('.alert')?.remove();
});
