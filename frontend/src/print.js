// <button data-print>: opens the print dialog, which also saves as PDF.
document.addEventListener('click', (event) => {
  if (event.target.closest('[data-print]')) window.print();
});
