"""E-mail: blocks to HTML and text, one MIME message with its headers, SMTP, and what bounces say. It knows no cause."""
