// Stars, faces and thumbs, drawn so that they look the same everywhere and need no pictures from anywhere.
import { svg } from './dom.js';

const picture = (...inside) => svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' }, inside);

export const star = () =>
  picture(svg('path', { d: 'M12 2.6l2.9 6 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.5l6.5-.9z' }));

/** From 0, very sad, to 1, very happy. */
export function face(mood) {
  const bend = 15.5 + (mood - 0.5) * 7;
  const ends = 15.5 - (mood - 0.5) * 3;
  return picture(
    svg('circle', { cx: 12, cy: 12, r: 10 }),
    svg('circle', { cx: 8.5, cy: 9.5, r: 0.8, class: 'eye' }),
    svg('circle', { cx: 15.5, cy: 9.5, r: 0.8, class: 'eye' }),
    svg('path', { d: `M7.5 ${ends}Q12 ${bend} 16.5 ${ends}` }),
  );
}

export const thumb = (up) =>
  picture(
    svg('path', {
      d: 'M7 10.5v9H3.5v-9zM7 11l4-8c1.7 0 2.6 1.1 2.4 2.7L13 9.5h5.6c1.3 0 2.2 1.2 1.8 2.5l-1.7 6c-.3.9-1 1.5-2 1.5H7',
      ...(up ? {} : { transform: 'rotate(180 12 12)' }),
    }),
  );

export const cross = () => picture(svg('path', { d: 'M6 6l12 12M18 6L6 18' }));
