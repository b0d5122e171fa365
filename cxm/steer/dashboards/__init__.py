"""Boards and reports: puts numbers side by side, and judges changes over a whole page. Computes no metric itself."""
