// Events on their way to the server: in memory, and on the device where the person agreed, until they are acknowledged.
// Sending one twice does no harm, because the server knows it by its messageId.
import { keep, kept } from './storage.js';

const ROOM = 60_000; // bytes of one request: browsers let those that outlive the page hold 64 KB together
const LARGEST = 32_768; // bytes of one event: the protocol's limit
const MOST = 4_000_000; // bytes that wait in memory; then the oldest go
const MOST_KEPT = 200_000; // characters on the device
const SOON = 1_000; // milliseconds until what came together goes out together
const LONGEST = 300; // seconds between two tries

const encoder = new TextEncoder();

export function makeQueue(url, writeKey, name) {
  let waiting = []; // {id, json, size}
  let flying = 0; // bytes of requests without an answer
  let failures = 0;
  let timer = 0;
  let keeps = false; // may use the device
  let stored = false; // something of ours lies there
  let era = 0; // goes up when consent is withdrawn: what was under way before must not come back

  /** The first of what waits, as much as fits into `room` bytes, taken out. */
  function take(room) {
    let count = 0;
    while (count < waiting.length && (room -= waiting[count].size + 1) >= 0) count += 1;
    return waiting.splice(0, count);
  }

  function store() {
    if (!keeps || !waiting.length) return;
    const ids = new Set(waiting.map((one) => one.id));
    const all = [...(kept(name) || []).filter((one) => !ids.has(one.id)), ...waiting];
    let room = MOST_KEPT;
    keep(name, all.reverse().filter((one) => (room -= one.size) >= 0).reverse());
    stored = true;
  }

  function unstore(batch) {
    if (!stored) return;
    const ids = new Set(batch.map((one) => one.id));
    const left = (kept(name) || []).filter((one) => !ids.has(one.id));
    keep(name, left.length ? left : undefined);
  }

  const ask = (body, keepalive) => fetch(url, { method: 'POST', body, keepalive, credentials: 'omit' });

  /** Seconds until the next try, 0 when this one is settled: taken, or refused for good. */
  async function outcome(body, keepalive) {
    let after = 0;
    try {
      const answer = await ask(body, keepalive);
      if (answer.status < 500 && answer.status !== 408 && answer.status !== 429) return 0;
      after = Number(answer.headers.get('Retry-After')) || 0;
    } catch {
      // No network, or a blocker.
    }
    failures += 1;
    return Math.min(LONGEST, after || 2 ** Math.min(failures, 9) * (0.5 + Math.random() / 2));
  }

  async function launch(batch, keepalive = true) {
    // A string has the type text/plain, for which browsers ask no permission first.
    const events = batch.map((one) => one.json).join();
    const body = `{"batch":[${events}],"sentAt":"${new Date().toISOString()}","writeKey":${JSON.stringify(writeKey)}}`;
    const size = encoder.encode(body).length;
    const begun = era;
    flying += size;
    const pause = await outcome(body, keepalive);
    flying -= size;
    if (begun !== era) return;
    if (pause) {
      waiting.unshift(...batch);
      store();
      later(pause * 1000);
    } else {
      failures = 0;
      unstore(batch);
      if (waiting.length) later(0);
    }
  }

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(flush, wait);
  }

  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (!flying && waiting.length) launch(take(ROOM));
  }

  /** The page is being left, or put aside: everything out that the browser lets out. */
  function leave() {
    if (navigator.onLine === false || (keeps && failures)) return store();
    const batch = take(ROOM - flying);
    if (batch.length) launch(batch);
    if (keeps) return store();
    while (waiting.length) launch(take(ROOM), false); // perhaps the page stays long enough
  }

  return {
    flush,
    add(event) {
      const json = JSON.stringify(event);
      const size = encoder.encode(json).length;
      if (size > LARGEST) {
        console.warn(`cx: an event of ${size} bytes was not sent; ${LARGEST} is the limit`);
        return;
      }
      waiting.push({ id: event.messageId, json, size });
      let total = waiting.reduce((sum, one) => sum + one.size, 0);
      while (total > MOST) total -= waiting.shift().size;
      if (!timer && !flying) later(total > ROOM / 2 ? 0 : SOON);
    },
    /** Consent was given, now or earlier: send what an earlier page left, and leave for a later one what is not sent. */
    keep() {
      keeps = true;
      const ids = new Set(waiting.map((one) => one.id));
      const left = (kept(name) || []).filter((one) => !ids.has(one.id));
      stored = stored || left.length > 0;
      waiting.unshift(...left);
      if (waiting.length && !timer && !flying) later(SOON);
    },
    drop() {
      era += 1;
      keeps = false;
      waiting = [];
      keep(name);
    },
    start() {
      addEventListener('online', flush);
      addEventListener('pagehide', leave);
      document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && leave());
    },
  };
}
