// On which pages a survey shows: patterns with * for anything. "/…" is compared with the path, others with the address.
const escaped = (text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

function fits(pattern) {
  const { pathname, search, href } = location;
  let whole = href.split('#')[0];
  if (pattern.startsWith('/')) whole = pathname + search;
  if (!pattern.includes('?')) whole = whole.split('?')[0];
  return new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`).test(whole);
}

export const here = ({ pages = [], except_pages: except = [] }) =>
  (!pages.length || pages.some(fits)) && !except.some(fits);
