"""Training of the shipped weights, reproducible from the sets whose licences allow it. Never imported when serving.

Needs the packages of the dependency group `train` (teacher, word lists, lexicons); knows no Django and no database.
"""
