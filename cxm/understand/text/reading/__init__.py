"""Reading a text: from characters to what they say. Needs numpy only; knows neither Django nor a database."""
