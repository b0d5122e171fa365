"""Inbound webhooks: another system tells, signed, and a mapping says what it means."""
