// Drive a client in the browser: window.drive(plan), on a page that has loaded the client. The same plans as drive.mjs.
// What the server has settled is seen on the wire, because neither client says so.
const settled = new Set();
const send = window.fetch;
let twice = false; // the same request twice, of a client that takes no id of ours
window.fetch = async (url, init) => {
  if (twice) await send(url, init);
  const answer = await send(url, init);
  if (init?.body && answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
    const body = JSON.parse(init.body);
    for (const event of body.batch ?? [body]) settled.add(event.messageId);
  }
  return answer;
};

const kinds = {
  async 'analytics-next'(plan) {
    // It sends each call by itself, unless told to make batches: the first plan does one, the second the other.
    const batching = { deliveryStrategy: { strategy: 'batching', config: { size: 100, timeout: 500 } } };
    const settings = { protocol: 'http', ...(plan.batching ? batching : {}) }; // the tests' server has no certificate
    const [client] = await AnalyticsNext.AnalyticsBrowser.load(
      { writeKey: plan.key, cdnURL: plan.host },
      { integrations: { 'Segment.io': settings } },
    );
    const known = (step) => {
      if (step.anonymous) client.setAnonymousId(step.anonymous);
      return step.id ? { messageId: step.id } : {};
    };
    return {
      identify: (step) => (known(step), client.identify(step.user, step.traits)),
      track: (step) => client.track(step.event, step.properties ?? {}, known(step)),
      page: (step) => client.page(step.name, step.properties ?? {}),
      screen: (step) => client.screen(step.name, step.properties ?? {}),
      group: (step) => client.group(step.group, step.traits),
      alias: (step) => client.alias(step.user, step.previous),
    };
  },

  async 'cx'(plan) {
    cx('init', plan.key, { host: plan.host, auto: 'none' });
    return {
      identify: (step) => cx('identify', step.user, step.traits),
      track: (step) => cx('track', step.event, step.properties),
      page: (step) => cx('page', step.name, step.properties),
      group: (step) => cx('group', step.group, step.traits),
      alias: (step) => cx('alias', step.user, step.previous),
    };
  },
};

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const words = [];
window.said = words;

window.drive = async (plan) => {
  const client = await kinds[plan.client](plan);
  const leftOut = [];
  const ids = new Set();
  let sent = 0;
  for (const step of plan.steps) {
    if (step.do === 'say') words.push(step.word);
    else if (step.do === 'pause') await sleep(step.seconds);
    else if (step.do === 'flush') await settle(sent);
    else if (!client[step.do]) leftOut.push({ step: step.event ?? step.do, why: 'not in this client' });
    else {
      const doubled = step.id && plan.client === 'cx';
      if (doubled) await settle(sent);
      twice = doubled;
      for (let n = 0; n < (step.times ?? 1); n += 1) {
        // Not awaited: the promise of a call that the server does not take comes late or never.
        client[step.do](step.times ? { ...step, properties: { ...step.properties, n } } : step);
        if (doubled || !ids.has(step.id)) sent += step.event === 'Large' && plan.client === 'cx' ? 0 : 1;
        if (step.id) ids.add(step.id);
        // Beyond some thousand open requests the browser refuses more.
        if (plan.client === 'analytics-next') await settle(sent - 400);
      }
      if (doubled) await settle(sent);
      twice = false;
    }
  }
  await settle(sent);
  return { left_out: leftOut, sent, settled: settled.size };
};

async function settle(sent) {
  const end = Date.now() + 60_000;
  while (settled.size < sent && Date.now() < end) await sleep(0.02);
}
