"""The way in: files become customers and events, each row once, every rejected row with its reason."""
