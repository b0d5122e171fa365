"""The feedback inbox: every text of every channel, found, told apart, dealt with, corrected, quoted and compared.

It shows what `understand.text` read and never reads a text itself; a case that it opens is a case as any other.
"""
