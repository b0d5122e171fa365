"""Workspaces, the people in them, keys for programs, and the audit trail. Knows nothing of customers."""
