// Drive one of the Node clients by the plan on standard input. CLIENTS names the directory that holds node_modules.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(join(process.env.CLIENTS, 'from.js'));
const plan = JSON.parse(await text(process.stdin));
const report = { left_out: [], taken: 0 };
const complain = (error) => console.log(`! ${error?.message ?? error}`);
process.on('unhandledRejection', complain);

/** Segment's and RudderStack's clients take one object for each call. */
const them = (step) => ({
  ...(step.user ? { userId: step.user } : {}),
  ...(step.anonymous ? { anonymousId: step.anonymous } : {}),
  ...(step.id ? { messageId: step.id } : {}),
});
const objects = (client, done) => ({
  identify: (step) => client.identify({ ...them(step), traits: step.traits }, done?.()),
  track: (step) => client.track({ ...them(step), event: step.event, properties: step.properties ?? {} }, done?.()),
  page: (step) => client.page({ ...them(step), name: step.name, properties: step.properties ?? {} }, done?.()),
  screen: (step) => client.screen({ ...them(step), name: step.name, properties: step.properties ?? {} }, done?.()),
  group: (step) => client.group({ ...them(step), groupId: step.group, traits: step.traits }, done?.()),
  alias: (step) => client.alias({ ...them(step), previousId: step.previous }, done?.()),
});

const kinds = {
  'segment-node'() {
    const { Analytics } = require('@segment/analytics-node');
    const client = new Analytics({ writeKey: plan.key, host: plan.host, flushInterval: 500 });
    client.on('error', complain);
    return { ...objects(client), flush: () => client.flush(), close: () => client.closeAndFlush({ timeout: 60_000 }) };
  },

  'rudder-node'() {
    const Analytics = require('@rudderstack/rudder-sdk-node');
    // Three tries are its default, two seconds in all; a restart takes longer.
    const client = new Analytics(plan.key, {
      dataPlaneUrl: plan.host, flushInterval: 500, retryCount: 10, logLevel: 'silly', errorHandler: complain,
    });
    client.logger.error = client.logger.info = () => {};
    // It can have several requests open, and tells of the last one only; the callbacks of the calls tell of all.
    let open = 0;
    const done = () => {
      open += 1;
      return () => (open -= 1);
    };
    const flush = async () => {
      while (client.queue.length) await client.flush();
      while (open) await sleep(20);
    };
    return { ...objects(client, done), flush, close: flush };
  },

  'posthog-node'() {
    const { PostHog } = require('posthog-node');
    const client = new PostHog(plan.key, { host: plan.host, flushInterval: 500, fetchRetryCount: 10, maxQueueSize: 10_000 });
    client.on('error', complain);
    const who = (step) => ({ distinctId: step.user ?? step.anonymous, uuid: step.id });
    const capture = (step, event, properties) =>
      client.capture({
        ...who(step), event,
        properties: { ...properties, ...step.properties, ...(step.user ? {} : { $process_person_profile: false }) },
      });
    return {
      identify: (step) =>
        client.capture({
          ...who(step), event: '$identify', properties: { $set: step.traits, $anon_distinct_id: step.anonymous },
        }),
      track: (step) => capture(step, step.event, {}),
      page: (step) => capture(step, '$pageview', { title: step.name }),
      screen: (step) => capture(step, '$screen', { $screen_name: step.name }),
      group: (step) =>
        client.groupIdentify({
          groupType: 'company', groupKey: step.group, properties: step.traits, distinctId: who(step).distinctId,
        }),
      alias: (step) => client.alias({ distinctId: step.previous, alias: step.user }),
      flush: () => client.flush(),
      close: () => client.shutdown(60_000),
    };
  },

  // It keeps who the person is, sends every call by itself, at once, and does not try again.
  'jitsu'() {
    const { jitsuAnalytics } = require('@jitsu/js');
    let twice = false;
    const send = async (...request) => {
      if (twice) await fetch(...request);
      const answer = await fetch(...request);
      if (answer.ok) report.taken += 1;
      return answer;
    };
    const client = jitsuAnalytics({ host: plan.host, writeKey: plan.key, fetch: send, errorPolicy: complain });
    const open = [];
    const flush = () => Promise.all(open.splice(0));
    const wait = (promise) => open.push(promise) < 64 || flush(); // as a busy server has them, not one after the other
    return {
      identify: async (step) => {
        await flush();
        if (step.anonymous) await client.setAnonymousId(step.anonymous);
        await client.identify(step.user, step.traits);
      },
      track: async (step) => {
        if (step.anonymous && !step.user) await client.setAnonymousId(step.anonymous);
        if (step.id) await flush();
        twice = Boolean(step.id); // it takes no id of ours: the same request, then
        await wait(client.track(step.event, step.properties ?? {}));
        if (step.id) await flush();
        twice = false;
      },
      page: (step) => wait(client.page({ name: step.name, ...step.properties })),
      group: (step) => wait(client.group(step.group, step.traits)),
      flush,
      close: flush,
    };
  },
};

const client = kinds[plan.client]();
for (const step of plan.steps) {
  if (step.do === 'say') console.log(step.word);
  else if (step.do === 'pause') await sleep(step.seconds * 1000);
  else if (step.do === 'flush') await client.flush();
  else if (!client[step.do]) report.left_out.push({ step: step.event ?? step.do, why: 'not in this client' });
  else {
    for (let n = 0; n < (step.times ?? 1); n += 1) {
      try {
        await client[step.do](step.times ? { ...step, properties: { ...step.properties, n } } : step);
      } catch (error) {
        report.left_out.push({ step: step.event ?? step.do, why: error.message.slice(0, 200) });
      }
    }
  }
}
await client.close();
console.log(JSON.stringify(report));
process.exit(0);
