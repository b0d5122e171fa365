"""Drivers: what moves an outcome, by how much, and what to fix first."""
