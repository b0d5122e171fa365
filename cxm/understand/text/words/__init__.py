"""Words of a text: their forms led back to one, characters folded, words and phrases counted, and the page of words."""
