"""Benchmarks: `make bench NAME=import`. Each builds its load from a seed and measures its baseline in the same run."""
