"""Themes: what texts are about, found without being told. Assigns each text to at most one; never changes a topic by
itself, but proposes.

`terms`, `clustering`, `naming` and `space` are pure (numpy and scipy only); the rest keeps runs and themes in the
database, and who belongs to which theme in the log's derived table `theme_members`.
"""
