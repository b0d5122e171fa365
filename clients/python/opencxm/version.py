"""The version of this client, as it also stands in each event's context."""

__version__ = "0.1.0"
