"""What happened, to whom: the event log, the customers, and the way in."""
