// The conditions of cxm/lib/conditions.py, on the properties of an event. tests/test_widget_conditions.py holds the two
// against each other; how a regular expression is spelt may differ between the languages.
const NUMBER = /^-?(0|[1-9]\d{0,299})(\.\d{1,299})?$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^\d{4}-\d\d-\d\d[T ]/;

const isTime = (value) => typeof value === 'string' && (DAY.test(value) || MOMENT.test(value));
const at = (one, beside) => (DAY.test(beside) ? one.slice(0, 10) : one);
const fold = (value) => text(value).toLowerCase();

function items(value) {
  if (Array.isArray(value)) return value.flatMap(items);
  return value === undefined || value === null || value === '' || typeof value === 'object' ? [] : [value];
}

const isSet = (value) =>
  items(value).length > 0 || (!!value && typeof value === 'object' && Object.values(value).some(isSet));

function number(value) {
  const found = typeof value === 'number' ? value : typeof value === 'string' && NUMBER.test(value) ? Number(value) : NaN;
  return Number.isFinite(found) ? found : undefined;
}

/** 0.0000001 and not 1e-7. */
function text(value) {
  const plain = String(value);
  const [, sign, whole, , part = '', power] = (typeof value === 'number' && plain.match(/^(-?)(\d)(\.(\d+))?e([+-]\d+)$/)) || [];
  if (power === undefined) return plain;
  const digits = whole + part;
  const place = 1 + Number(power);
  if (place <= 0) return `${sign}0.${'0'.repeat(-place)}${digits}`;
  return sign + digits.padEnd(place, '0');
}

function same(one, other) {
  const [a, b] = [number(one), number(other)];
  if (a !== undefined && b !== undefined) return a === b;
  const [left, right] = [text(one), text(other)];
  if (left === right) return true;
  return isTime(left) && isTime(right) && at(left, right).length === 10 && at(left, right) === at(right, left);
}

function ordered(one, operator, other) {
  let [a, b] = [number(one), number(other)];
  if (a === undefined && b === undefined && isTime(one) && isTime(other)) [a, b] = [at(one, other), at(other, one)];
  if (a === undefined || b === undefined) return false;
  if (operator === 'at_least') return a >= b;
  if (operator === 'at_most') return a <= b;
  return operator === 'more_than' ? a > b : a < b;
}

function matches(one, pattern) {
  try {
    return new RegExp(text(pattern), 'u').test(text(one));
  } catch {
    return false;
  }
}

function compare(value, operator, wanted) {
  const held = items(value);
  const some = (test) => held.some((one) => wanted.some((other) => test(one, other)));
  switch (operator) {
    case 'is_set':
      return isSet(value);
    case 'is_not_set':
      return !isSet(value);
    case 'is':
      return some(same);
    case 'is_not':
      return !some(same);
    case 'includes_all':
      return held.length > 0 && wanted.every((other) => held.some((one) => same(one, other)));
    case 'matches':
      return some(matches);
    case 'contains':
      return some((one, other) => fold(one).includes(fold(other)));
    case 'not_contains':
      return !some((one, other) => fold(one).includes(fold(other)));
    case 'starts_with':
      return some((one, other) => fold(one).startsWith(fold(other)));
    case 'ends_with':
      return some((one, other) => fold(one).endsWith(fold(other)));
    default:
      return some((one, other) => ordered(one, operator, other));
  }
}

export function holds(condition, values) {
  if (condition.all) return condition.all.every((one) => holds(one, values));
  if (condition.any) return condition.any.some((one) => holds(one, values));
  if (condition.not) return !holds(condition.not, values);
  return compare(values?.[condition.field], condition.operator ?? 'is', condition.values ?? []);
}
