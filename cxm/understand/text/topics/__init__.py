"""Topics: the tree of a workspace, what each topic is known by, and which topics a text is about.

Others call `match` and `sentiments` for texts, `create_topic` (topics.actions) for the tree, and `keys_under`, `living`
`names_of` and `version_of` (topics.queries) for counting.
"""

from .matching import match
from .queries import keys_under, living, names_of, tree, version_of
from .sentiment import sentiments

__all__ = ["keys_under", "living", "match", "names_of", "sentiments", "tree", "version_of"]
