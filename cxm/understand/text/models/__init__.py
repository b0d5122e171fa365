"""The tables of text, one file for each family of verbs."""
