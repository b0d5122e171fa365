"""REST of the way in: imports of files, privacy requests. Events themselves come in by `intake`, not by this."""
