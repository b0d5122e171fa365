"""The table of steps: built from the log, kept up to date, asked by `discovery` and `evidence`."""
