"""Pages of the way in: imports of files, sources of the tracking API, the plan and the privacy of what they send."""
