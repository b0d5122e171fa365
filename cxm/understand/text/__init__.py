"""What each text means: language, sentiment, emotion, intent, topics, with the words that show it."""
