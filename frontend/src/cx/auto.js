// What is reported without a command: page views, clicks on marked elements, errors of scripts.
import { address, cameFrom } from './page.js';

const MOST_ERRORS = 10; // on one page; an error in a loop must not become a flood

export function watch(kinds, send, view) {
  if (kinds.includes('page')) views(view);
  if (kinds.includes('click')) clicks(send);
  if (kinds.includes('error')) errors(send);
}

function views(view) {
  let here = address();
  const moved = () => {
    const now = address();
    if (now === here) return;
    cameFrom(here);
    here = now;
    view();
  };
  // After the page's own work, which sets the title.
  const soon = () => setTimeout(moved, 0);
  const push = history.pushState;
  history.pushState = function (...words) {
    push.apply(this, words);
    soon();
  };
  addEventListener('popstate', soon);
  addEventListener('pageshow', (event) => event.persisted && view()); // back to a page that the browser had put aside
  const first = () => {
    if (document.prerendering) document.addEventListener('prerenderingchange', () => view(), { once: true });
    else view();
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', first, { once: true });
  else first();
}

/** <button data-cx-click="Plan Chosen" data-cx-plan-name="pro"> is the event "Plan Chosen" with plan_name "pro". */
function clicks(send) {
  const click = (event) => {
    const marked = event.target.closest?.('[data-cx-click]');
    if (!marked) return;
    const properties = {};
    for (const { name, value } of marked.attributes) {
      if (name.startsWith('data-cx-') && name !== 'data-cx-click') properties[name.slice(8).replace(/-/g, '_')] = value;
    }
    send('track', { event: marked.dataset.cxClick, properties });
  };
  addEventListener('click', click, true); // before anybody stops it
}

function errors(send) {
  const seen = new Set();
  const report = (kind, message, error, source, line, column) => {
    message = String(message).slice(0, 500);
    const same = `${message} ${source} ${line}`;
    if (seen.has(same) || seen.size >= MOST_ERRORS) return;
    seen.add(same);
    const stack = error?.stack && String(error.stack).slice(0, 2000);
    send('track', { event: 'JavaScript Error', properties: { kind, message, source, line, column, stack } });
  };
  addEventListener('error', (event) => {
    if (event.message) report('error', event.message, event.error, event.filename, event.lineno, event.colno);
  });
  addEventListener('unhandledrejection', ({ reason }) => report('rejection', reason?.message ?? reason, reason));
}
