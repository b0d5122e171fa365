"""Pages of the customers: the list, one customer, and what can be done there."""
