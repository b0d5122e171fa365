// The moments at which a survey may open by itself. `arm` calls `fire` once; what it returns disarms.
import { holds } from './conditions.js';

const FAST = 1.5; // pixels a millisecond: a reader on a phone who scrolls up like this wants the address bar

function listen(target, name, handler, options) {
  target.addEventListener(name, handler, options);
  return () => target.removeEventListener(name, handler, options);
}

function seen() {
  const { scrollHeight } = document.documentElement;
  return ((scrollY + innerHeight) / Math.max(scrollHeight, 1)) * 100;
}

const KINDS = {
  load: (_trigger, fire) => later(0, fire),
  delay: ({ value = 0 }, fire) => later(value, fire),
  scroll({ value }, fire) {
    const look = () => seen() >= value && fire();
    const stop = listen(window, 'scroll', look, { passive: true });
    return stop; // a page that is shorter than the window was not scrolled
  },
  exit(_trigger, fire) {
    const out = (event) => !event.relatedTarget && event.clientY <= 0 && fire();
    let [top, at] = [scrollY, performance.now()];
    const up = () => {
      const [now, then] = [scrollY, performance.now()];
      if (matchMedia('(pointer: coarse)').matches && (top - now) / Math.max(then - at, 1) > FAST) fire();
      [top, at] = [now, then];
    };
    const stops = [listen(document, 'mouseout', out), listen(window, 'scroll', up, { passive: true })];
    return () => stops.forEach((stop) => stop());
  },
  click({ name }, fire) {
    const click = (event) => {
      try {
        if (event.target.closest?.(name)) fire();
      } catch {
        // Not a selector.
      }
    };
    return listen(document, 'click', click, true);
  },
  // The site's events come by `saw`, because nobody else knows them.
  event: (trigger, fire, listeners) => {
    const saw = (name, properties) =>
      name === trigger.name && (!trigger.where || holds(trigger.where, properties)) && fire();
    listeners.add(saw);
    return () => listeners.delete(saw);
  },
};

export function later(seconds, then) {
  const timer = setTimeout(then, seconds * 1000);
  return () => clearTimeout(timer);
}

export function arm(triggers, fire, listeners) {
  const stops = [];
  const stop = () => stops.splice(0).forEach((one) => one());
  for (const trigger of triggers) {
    stops.push(
      KINDS[trigger.on](
        trigger,
        () => {
          stop();
          fire(trigger.on);
        },
        listeners,
      ),
    );
  }
  return stop;
}
