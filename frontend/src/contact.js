// A contact form in a frame tells the page around it how tall it is; /form.js listens there.
if (window.parent !== window) {
  const tell = () => window.parent.postMessage({ cxmForm: location.pathname.split('/').pop(), height: document.documentElement.scrollHeight }, '*');
  new ResizeObserver(tell).observe(document.body);
  addEventListener('load', tell);
}
// A form is sent once, however often its button is pressed.
document.querySelector('form')?.addEventListener('submit', (event) => {
  const button = event.target.querySelector('button');
  setTimeout(() => { button.disabled = true; });
  addEventListener('pageshow', () => { button.disabled = false; });
});
