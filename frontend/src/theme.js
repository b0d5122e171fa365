// Loaded before the first paint, so that a dark page never flashes white. Small on purpose.
import { applyTheme } from './theme-choice.js';

document.documentElement.classList.add('js');
applyTheme();
