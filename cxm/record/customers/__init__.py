"""Profiles, identities and merges, consent, tags, notes and the timeline.

Never reads files and never computes metrics.
"""
