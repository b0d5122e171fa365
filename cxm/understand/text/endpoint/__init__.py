"""A third opinion on hard texts, of a language model that a firm runs or rents: off until it is switched on.

It gets masked texts only, never more than so many an hour, and the product is whole without it.
"""
