"""Reviews: what people say about a company in public, brought by a file or by the API."""
