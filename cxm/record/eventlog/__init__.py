"""The only door to ClickHouse: append and emit put facts in, ask gets numbers out, forget removes.

`events` holds what was received and is append-only; every other table is derived from it by a materialised view and
can be dropped and rebuilt (`rebuild`). Nothing above this package knows which engine answers: in-process chDB, a
ClickHouse server, or a cluster. This package never decides what a number means; the metrics do.
"""
