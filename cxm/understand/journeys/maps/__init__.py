"""Journey maps: drawn, kept as versions, commented, shared, exported."""
