"""Words of a text: their forms led back to one, characters folded, phrases counted. Knows neither Django nor a database."""
