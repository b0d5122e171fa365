"""What a firm's own labels teach: heads of its own, compared with the shipped ones before anybody uses them.

It never touches the shipped weights, and nothing that one workspace has taught reaches another.
"""
