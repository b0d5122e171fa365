"""Outgoing webhooks as Standard Webhooks 1.0.0 has them: signed, with a queue for each endpoint, tried ten times.

A message is a row made in the transaction of what it tells and leaves after the commit, at least once. Nothing here
knows why something happened, and nothing goes to an address that is not public unless the settings allow it.
"""
