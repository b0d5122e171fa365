"""What each text means: language, sentiment, emotion, intent, topics, with the words that show it.

It reads the log and writes what it derives; it never changes what somebody said, and never sends a text anywhere unless
a firm has switched that on.
"""
