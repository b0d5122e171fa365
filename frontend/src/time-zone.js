// <select data-guess-time-zone>: starts at the browser's own time zone, unless the person has sent the form before.
for (const field of document.querySelectorAll('select[data-guess-time-zone]')) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const sent = field.form?.querySelector('.is-invalid, .alert-danger');
  if (!sent && [...field.options].some((option) => option.value === zone)) field.value = zone;
}
