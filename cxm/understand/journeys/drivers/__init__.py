"""Drivers: what moves an outcome, and what to fix first. Reads the log; writes only rows of `DriverModel`.

`table` asks the log for one row per answer or customer; `fitting` makes figures of it (cxm.stats.importance);
`computing` does both for a model and keeps what came out.
"""
