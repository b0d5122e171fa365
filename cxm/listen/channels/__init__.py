"""Channels: what leaves us and what comes back about it. Surveys and cases say what; nothing here knows why.

A message is a row of the delivery table before it is a message: made in the transaction of its cause, sent after the
commit, never twice.
"""
