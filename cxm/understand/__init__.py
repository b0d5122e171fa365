"""What it means: reads the log, writes only derived tables."""
