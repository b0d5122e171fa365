// Core Web Vitals as https://web.dev/articles/vitals defines them, reported once, when the page is first put aside.
// Times in milliseconds; what the browser cannot measure, or what did not happen, is left out.

export function measure(report) {
  if (document.visibilityState === 'hidden') return; // painted later than made, so the times would mean nothing
  const found = {};
  const observers = [];
  const watch = (type, each, more) => {
    try {
      const observer = new PerformanceObserver((list) => list.getEntries().forEach(each));
      observer.observe({ type, buffered: true, ...more });
      observers.push([observer, each]);
    } catch {
      // Not in this browser.
    }
  };
  const [navigation] = performance.getEntriesByType('navigation');
  const start = navigation?.activationStart || 0; // of a page that was made before it was asked for
  const since = (time) => Math.max(0, Math.round(time - start));

  watch('paint', (entry) => {
    if (entry.name === 'first-contentful-paint') found.fcp = since(entry.startTime);
  });
  watch('largest-contentful-paint', (entry) => {
    found.lcp = since(entry.startTime);
  });

  // The worst burst of shifts: gaps of less than a second, five seconds at most.
  let burst = 0;
  let first = 0;
  let last = 0;
  let worst = 0;
  watch('layout-shift', (entry) => {
    if (entry.hadRecentInput) return;
    const time = entry.startTime;
    if (!burst || time - last > 1000 || time - first > 5000) {
      burst = 0;
      first = time;
    }
    burst += entry.value;
    last = time;
    worst = Math.max(worst, burst);
  });
  const shifts = PerformanceObserver.supportedEntryTypes?.includes('layout-shift');

  // The slowest interaction, leaving out one for each fifty.
  const slow = new Map();
  const interaction = (entry) => {
    if (entry.interactionId) {
      slow.set(entry.interactionId, Math.max(slow.get(entry.interactionId) || 0, entry.duration));
    }
  };
  watch('event', interaction, { durationThreshold: 40 });
  watch('first-input', interaction);

  const done = () => {
    if (document.visibilityState !== 'hidden') return;
    document.removeEventListener('visibilitychange', done, true);
    for (const [observer, each] of observers) {
      observer.takeRecords().forEach(each);
      observer.disconnect();
    }
    if (navigation?.responseStart) found.ttfb = since(navigation.responseStart);
    if (shifts) found.cls = Math.round(worst * 10_000) / 10_000;
    const longest = [...slow.values()].sort((a, b) => b - a);
    const count = performance.interactionCount || longest.length;
    if (longest.length) found.inp = Math.round(longest[Math.min(longest.length - 1, Math.floor(count / 50))]);
    report(found);
  };
  // Caught on its way down, so that the queue, which listens at its target, is emptied after it.
  document.addEventListener('visibilitychange', done, true);
}
