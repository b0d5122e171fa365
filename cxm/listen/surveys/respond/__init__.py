"""The respondent's side: pages under /s/ that work without JavaScript, the JSON answers API, the store of responses.

The way of a request: route and limits (app) → what is asked (directory) and by whom (tokens) → typed answers (reading)
→ the group commit that stores them, decides what comes next and counts quotas (store, deciding) → the next page
(pages, fields). Nothing here runs Django's middleware. It never shows a survey to staff: those pages are views.
"""
