"""What goes wrong with themes, in the reader's language."""


class Refused(Exception):
    """It cannot be done; the message says why and what to do."""
