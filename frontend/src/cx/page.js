// What every event says about the page and the browser (Segment's `context`).
const LIBRARY = { name: 'cx.js', version: VERSION }; // of the product; frontend/build.py puts it in
const UTM = { source: 'source', medium: 'medium', campaign: 'name', term: 'term', content: 'content', id: 'id' };

let landed; // the campaign of the address that the visitor came to; later addresses of the page have lost it
let referrer; // in a page that changes its own address: the address before

export const address = () => location.href.split('#')[0];

export function cameFrom(before) {
  referrer = before;
}

export function campaign() {
  const query = new URLSearchParams(location.search);
  const found = Object.entries(UTM).flatMap(([from, to]) => {
    const value = query.get(`utm_${from}`);
    return value ? [[to, value]] : [];
  });
  landed = found.length ? Object.fromEntries(found) : undefined;
}

/** `more` goes in beside; what is undefined leaves no trace in the JSON. */
export function context(more) {
  return {
    page: {
      path: location.pathname,
      referrer: referrer ?? document.referrer,
      search: location.search,
      title: document.title,
      url: address(),
    },
    library: LIBRARY,
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    userAgent: navigator.userAgent,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    campaign: landed,
    ...more,
  };
}
