"""Cases: a customer needs us. Alerts, owners, service levels, replies, and whether helping helped.

It never reads what customers said from the tables of `listen`, but for the conversation that a case is about: what
happened comes from the flow, and what became of it goes to the log as facts.
"""
