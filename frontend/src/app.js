// Everything that a page does in the browser, activated by data-attributes. Pages work without it.
import htmx from 'htmx.org/dist/htmx.esm.js';
// Only the parts of Tabler that we use; they activate themselves by data-bs-toggle.
import '@tabler/core/js/src/bootstrap/collapse.ts';
import '@tabler/core/js/src/bootstrap/dropdown.ts';
import '@tabler/core/js/src/bootstrap/tab.ts';
import './theme-switch.js';
import './requests.js';
import './keyboard.js';
import './confirm.js';
import './conditions.js';
import './copy.js';
import './dates.js';
import './messages.js';
import './menus.js';
import './time-zone.js';
import './print.js';
import './editor.js';
import './map-editor.js';
import './desk.js';
import './seek.js';
import './quotes.js';
import './paths.js';
import './picture-save.js';

window.htmx = htmx;
