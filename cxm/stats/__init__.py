"""Arithmetic of the numbers OpenCXM shows: intervals, differences, planning, survival and customer value.

Every function is pure: numbers or arrays in, numbers out, the same answer each time (random methods take a
seed). The package never reads a database, a file, a clock or a setting, never knows Django, and never returns
a figure without saying how many answers stand behind it and how its interval was made.

Nothing is re-exported here; import from `estimate`, `samples`, `intervals`, `quantiles`, `resampling`,
`comparison`, `planning`, `survival` or `clv`. `coverage` measures what the docstrings promise;
`python -m cxm.stats.coverage_table` writes those measurements to docs/reference/intervals.md and is the only
thing here that touches a file.
"""
