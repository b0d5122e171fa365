"""E-mail: from the bytes of a message, which may come from anybody, to what a conversation holds."""
