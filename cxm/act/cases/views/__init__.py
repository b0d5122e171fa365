"""Pages of cases: the desk, one case, and what can be done there."""
