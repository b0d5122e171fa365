"""The contact form: a page of its own, or a frame in a page of the company."""
