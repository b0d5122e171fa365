"""What we do about it: cases, automations and what follows from them."""
