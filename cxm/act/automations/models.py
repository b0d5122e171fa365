"""Rules, their versions and what they did."""
