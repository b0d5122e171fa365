// /form.js on the pages of a company: puts a contact form into each <div data-cxm-form="ID">, in a frame as tall as it is.
const base = new URL(document.currentScript.src).origin;

for (const place of document.querySelectorAll('[data-cxm-form]')) {
  const id = place.dataset.cxmForm;
  if (!/^[0-9a-f-]{36}$/i.test(id) || place.querySelector('iframe')) continue;
  const query = new URLSearchParams({ frame: '1', page: location.href.split(/[?#]/)[0].slice(0, 500) });
  const language = place.dataset.lang || document.documentElement.lang;
  if (language) query.set('lang', language.toLowerCase());
  for (const name of ['email', 'name', 'topic']) if (place.dataset[name]) query.set(name, place.dataset[name]);
  const frame = document.createElement('iframe');
  frame.src = `${base}/f/${id}?${query}`;
  frame.title = place.dataset.title || 'Contact';
  frame.style.cssText = 'border:0;width:100%;min-height:20rem';
  frame.setAttribute('loading', 'lazy');
  place.append(frame);
  addEventListener('message', (event) => {
    if (event.origin !== base || event.source !== frame.contentWindow || !event.data?.cxmForm) return;
    const height = Number(event.data.height);
    if (height > 0 && height < 20000) frame.style.height = `${Math.ceil(height)}px`;
  });
}
