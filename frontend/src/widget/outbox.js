// Answers on their way to the server. Each is the whole state of one page of one response, so that sending it twice
// changes nothing, and only the newest of a response need arrive. What could not be sent lies in the browser's store
// until it could, for a month at most: the visitor gave it to be sent.
import { keep, kept } from '../cx/storage.js';

const LONGEST = 30 * 86_400_000; // milliseconds
const PAUSE = 300; // seconds at most between two tries

export function makeOutbox(host, key) {
  const name = `cx_${key}_answers`;
  const waiting = new Map(); // id of a response -> {at, address, body}
  const flying = new Map(); // id -> the promise of its request
  const waiters = new Map(); // id -> those who want to know what the server says
  const watchers = new Map(); // id -> who is told of an answer that came late
  let failures = 0;
  let timer = 0;

  function store() {
    const all = Object.fromEntries(waiting);
    keep(name, waiting.size ? all : undefined);
  }

  async function ask(address, body) {
    const text = JSON.stringify(body);
    // A string has the type text/plain, for which browsers ask no permission first. Large ones may not outlive the page.
    const keepalive = text.length < 20_000;
    const answer = await fetch(host + address, { method: 'POST', body: text, credentials: 'omit', keepalive });
    if (answer.status >= 500 || answer.status === 408 || answer.status === 429) throw new Error(answer.status);
    return { status: answer.status, ...(await answer.json().catch(() => ({}))) };
  }

  function retry() {
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(flush, Math.min(PAUSE, 2 ** Math.min(failures, 9)) * 1000 * (0.5 + Math.random() / 2));
  }

  /** Send the newest state of a response; later states wait for the answer, so that none overtakes another. */
  async function send(id) {
    if (flying.has(id)) return;
    const one = waiting.get(id);
    if (!one) return;
    const request = ask(one.address, one.body);
    flying.set(id, request);
    try {
      const answer = await request;
      failures = 0;
      flying.delete(id);
      const newest = waiting.get(id) === one;
      if (newest) {
        waiting.delete(id);
        store();
        settle(id, answer);
      } else {
        send(id);
      }
    } catch {
      flying.delete(id);
      store();
      settle(id, null);
      retry();
    }
  }

  function settle(id, answer) {
    const all = waiters.get(id) || [];
    waiters.delete(id);
    all.forEach((one) => one(answer));
    if (answer && !all.length) watchers.get(id)?.(answer);
  }

  function flush() {
    clearTimeout(timer);
    for (const id of waiting.keys()) send(id);
  }

  const fromEarlier = kept(name) || {};
  for (const [id, one] of Object.entries(fromEarlier)) {
    if (Date.now() - one.at < LONGEST) waiting.set(id, one);
  }
  addEventListener('online', flush);
  addEventListener('pagehide', () => waiting.size && store());
  if (Object.keys(fromEarlier).length) {
    store();
    setTimeout(flush, 0);
  }

  return {
    ask,
    /** What the server says to it; null where it cannot be reached now, and then it is sent later. */
    put(id, address, body) {
      waiting.set(id, { at: Date.now(), address, body });
      return new Promise((resolve) => {
        waiters.set(id, [...(waiters.get(id) || []), resolve]);
        send(id);
      });
    },
    watch: (id, told) => watchers.set(id, told),
    unwatch: (id) => watchers.delete(id),
  };
}
