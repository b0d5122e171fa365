"""Automations: when something happens and conditions hold, do something, once.

It never does anything itself: every effect is a verb of the domain that owns it, called with the cause.
"""
