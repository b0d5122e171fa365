// The conditions of cxm/lib/conditions.py, on the properties of an event. tests/test_survey_widget.py compares the two.
const known = (value) => value !== undefined && value !== null && value !== '';
const text = (value) => String(value);
const number = (value) =>
  typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;

function same(one, other) {
  const [a, b] = [number(one), number(other)];
  return !isNaN(a) && !isNaN(b) ? a === b : text(one) === text(other);
}

const fold = (value) => text(value).toLowerCase();

function matches(pattern, value) {
  try {
    return new RegExp(pattern, 'u').test(text(value));
  } catch {
    return false;
  }
}

function ordered(one, operator, other) {
  let [a, b] = [number(one), number(other)];
  if (isNaN(a) || isNaN(b)) {
    if (typeof one !== 'string' || typeof other !== 'string' || isNaN(a) !== isNaN(b)) return false;
    [a, b] = [one, other];
  }
  if (operator === 'at_least') return a >= b;
  if (operator === 'at_most') return a <= b;
  return operator === 'more_than' ? a > b : a < b;
}

const OPERATORS = {
  is: (items, wanted) => items.some((one) => wanted.some((other) => same(one, other))),
  is_not: (items, wanted) => !OPERATORS.is(items, wanted),
  is_set: (items) => items.length > 0,
  is_not_set: (items) => !items.length,
  includes_all: (items, wanted) =>
    items.length > 0 && wanted.every((other) => items.some((one) => same(one, other))),
  contains: (items, wanted) => items.some((one) => wanted.some((other) => fold(one).includes(fold(other)))),
  not_contains: (items, wanted) => !OPERATORS.contains(items, wanted),
  starts_with: (items, wanted) => items.some((one) => wanted.some((other) => fold(one).startsWith(fold(other)))),
  matches: (items, wanted) => items.some((one) => wanted.some((other) => matches(other, one))),
};

export function holds(condition, values) {
  if (condition.all) return condition.all.every((one) => holds(one, values));
  if (condition.any) return condition.any.some((one) => holds(one, values));
  if (condition.not) return !holds(condition.not, values);
  const value = values?.[condition.field];
  const items = (Array.isArray(value) ? value : [value]).filter(known);
  const { operator = 'is', values: wanted = [] } = condition;
  const decide = OPERATORS[operator];
  return decide ? decide(items, wanted) : items.some((one) => ordered(one, operator, wanted[0]));
}
