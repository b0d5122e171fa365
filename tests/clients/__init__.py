"""Published tracking clients of others, installed apart and driven by one plan.

A plan is JSON: `client`, `host`, `key`, and `steps`. Each step has a `do`: identify, track, page, screen, group, alias,
with `user`, `anonymous`, `event`, `name`, `properties`, `traits`, `group`, `previous`, an `id` (a UUID) and `times`
(send it so often, `n` counts up); or flush, say (print a word), pause (seconds). What a client cannot do or refuses is
left out: the driver's last line is JSON with `left_out`.
"""
