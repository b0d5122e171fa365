"""What the log says about a map: figures, findings, moments of truth, two maps side by side, channels."""
