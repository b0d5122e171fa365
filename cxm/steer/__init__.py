"""How we run the programme."""
