// <form data-confirm="Remove the import?"> or a button with data-confirm: asks first. Also for hx-confirm.
import { text } from './messages.js';

function ask(question, label, danger) {
  const dialog = document.createElement('dialog');
  dialog.className = 'confirm card';
  const body = document.createElement('div');
  body.className = 'card-body';
  const words = document.createElement('p');
  words.id = 'confirm-question';
  words.textContent = question;
  dialog.setAttribute('aria-labelledby', words.id);
  const buttons = document.createElement('div');
  buttons.className = 'd-flex gap-2 justify-content-end';
  for (const [value, name, style] of [
    ['', text('cancel'), 'btn'],
    ['yes', label || text('yes'), danger ? 'btn btn-danger' : 'btn btn-primary'],
  ]) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = style;
    button.textContent = name;
    button.addEventListener('click', () => dialog.close(value));
    buttons.append(button);
  }
  body.append(words, buttons);
  dialog.append(body);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  const source = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!source.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  const danger = Boolean(submitter?.classList.contains('btn-danger') || source.dataset.confirmDanger !== undefined);
  if (!(await ask(source.dataset.confirm, source.dataset.confirmLabel, danger))) return;
  form.dataset.confirmed = 'yes';
  form.requestSubmit(submitter);
  delete form.dataset.confirmed;
}, true);

document.addEventListener('htmx:confirm', (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  ask(event.detail.question).then((yes) => yes && event.detail.issueRequest(true));
});
