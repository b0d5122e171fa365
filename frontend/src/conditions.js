// The form of conditions (cxm/lib/conditions_form.py): its buttons work without this. While an answer is under way
// people go on typing, and what they typed meanwhile must not be swapped away.
const WITHOUT_VALUES = ['is_set', 'is_not_set'];

const controls = (form) => [...form.querySelectorAll('input:not([type="hidden"]), select')];
const asked = new WeakMap();

document.addEventListener('htmx:beforeRequest', (event) => {
  const form = event.detail.target?.closest?.('.conditions');
  if (form) asked.set(form, new Map(controls(form).map((one) => [one.id, one.value])));
});

let typed = [];
document.addEventListener('htmx:beforeSwap', (event) => {
  const form = event.detail.target?.closest?.('.conditions');
  const before = form && asked.get(form);
  typed = before ? controls(form).filter((one) => before.has(one.id) && before.get(one.id) !== one.value) : [];
});
document.addEventListener('htmx:afterSwap', () => {
  for (const one of typed) {
    const now = document.getElementById(one.id);
    if (!now || now === one || now.tagName !== one.tagName || now.type !== one.type) continue;
    if (now.tagName === 'SELECT' && ![...now.options].some((option) => option.value === one.value)) continue;
    now.value = one.value;
    now.dispatchEvent(new Event('change', { bubbles: true }));
  }
  typed = [];
});

// "has a value" is compared with nothing.
document.addEventListener('change', (event) => {
  if (!event.target.matches?.('[data-operator]')) return;
  const values = event.target.closest('.conditions-row').querySelector('.conditions-values');
  if (values) values.hidden = WITHOUT_VALUES.includes(event.target.value);
});
