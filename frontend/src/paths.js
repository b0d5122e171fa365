// <div data-scroll-middle>: a wide picture begins in its middle, where its first part stands.
const centre = (within) => {
  within.querySelectorAll('[data-scroll-middle]').forEach((box) => {
    box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  });
};

centre(document);
document.addEventListener('htmx:load', (event) => centre(event.detail.elt.parentElement ?? document));
