"""The way in: files become customers and events, each row once, every rejected row with its reason.

Never decides what a number means, and never changes what came in: a correction is a new event.
"""
