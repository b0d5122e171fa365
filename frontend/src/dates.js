// <fieldset data-date-range> holds two date inputs (data-from, data-to) and buttons or a select with
// data-range="2026-01-01/2026-03-31". Choosing a ready range fills the inputs and sends the form.
function fill(range, value) {
  const [from, to] = value.split('/');
  range.querySelector('[data-from]').value = from;
  range.querySelector('[data-to]').value = to;
  range.closest('form')?.requestSubmit();
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-range]');
  if (button) fill(button.closest('[data-date-range]'), button.dataset.range);
});

document.addEventListener('change', (event) => {
  const range = event.target.closest('[data-date-range]');
  if (range && event.target.matches('select[data-ranges]') && event.target.value) fill(range, event.target.value);
  if (range && event.target.matches('[data-from], [data-to]')) {
    const from = range.querySelector('[data-from]');
    const to = range.querySelector('[data-to]');
    to.min = from.value;
    from.max = to.value;
  }
  // <select data-submit-on-change>: a filter that needs no button where scripts run.
  if (event.target.matches('[data-submit-on-change]')) event.target.form?.requestSubmit();
});
