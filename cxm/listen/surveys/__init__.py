"""Surveys: what is asked, of whom, when, and what they answered.

`definition` is the questionnaire as data, `runtime` decides what a person sees, `respond` shows it to them. Answers are
rows here for as long as people work with them, and facts in the log for the numbers. Never computes a metric.
"""
