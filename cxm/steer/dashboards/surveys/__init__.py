"""What came of surveys: figures and charts of each question, comparisons, tables, exports, the public page.

Numbers are asked of the event log; who answered what, one by one, is read from the responses themselves. Nothing here
changes a survey, and the only things changed in a response are what people do with it (`listen.surveys.handling`).
"""
