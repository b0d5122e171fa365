"""Pages of messages for the team, and the page of an unsubscribe link for everybody."""
