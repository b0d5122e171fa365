"""The experience score of an interaction: a plain model, calibrated on the firm's own answers after tickets.

It says nothing at all before it predicts answers better than their mean does.
"""
