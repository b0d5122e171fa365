"""Alerts: what people must know at once. Rules over events, answers and metrics; who is told, when, and only once.

An alert says what has happened and may open a case. It never writes to a customer: cases and automations do that.
"""
