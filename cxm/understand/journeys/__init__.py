"""Journeys: the ways that customers take, found in the log or drawn as maps, and what moves them.

`steps` keeps a table of the steps of each journey up to date; `discovery` asks it for paths without a map; `maps` are
drawn by people; `evidence` computes what the log says about a map; `drivers` say what to fix first. This package never
changes what happened, and never opens cases or plans measures: pages above it do.
"""
