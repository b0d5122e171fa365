"""OpenCXM: record, listen, understand, act, steer — a customer experience programme in one process."""

__version__ = "0.1.0"
