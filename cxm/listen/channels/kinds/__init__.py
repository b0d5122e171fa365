"""One folder for each kind of channel; a kind knows nothing of the others. registry.py lists them."""
