"""Channels: how messages leave and arrive. What leaves is a row of the delivery table first, and goes after commit.

Never decides whether somebody should be written to, and never computes a number.
"""
