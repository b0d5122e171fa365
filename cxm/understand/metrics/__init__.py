"""One module per metric; every number comes with its interval, n, period and definition.

Never changes what happened: it only reads the log.
"""
