// What every htmx request carries, and what a failed one says.
import { say, text } from './messages.js';

document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token && event.detail.verb !== 'get') event.detail.headers['X-CSRFToken'] = token.content;
});

document.addEventListener('htmx:responseError', (event) => {
  // A page that polls must not pile up messages: its own fragment says what is wrong.
  if (event.detail.elt.matches('[hx-trigger*="every"]')) return;
  say(event.detail.xhr.status === 403 ? text('forbidden') : text('failed'), 'danger');
});
document.addEventListener('htmx:sendError', () => say(text('unreachable'), 'danger'));

// A region that is filled anew says so to screen readers while it waits.
document.addEventListener('htmx:beforeRequest', (event) => event.detail.target?.setAttribute('aria-busy', 'true'));
document.addEventListener('htmx:afterRequest', (event) => event.detail.target?.removeAttribute('aria-busy'));
