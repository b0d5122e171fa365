"""What each text means: language, sentiment, emotion, intent, topics, themes, with the words that show it.

It reads texts from the log and writes only derived tables. It never changes what somebody wrote, and no text leaves the
installation unless the workspace has switched a third opinion on.
"""
