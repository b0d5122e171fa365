"""Pure helpers without models; imports nothing of ours."""
