"""Builders for tests: make_workspace, make_customer, given_events."""
