"""How a survey reaches people: personal links, mailings with reminders, the page to share it. It never asks anybody
whom the contact budget does not allow.
"""
