"""Customers who were merged count once: the question is put to the customer a profile belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

from .scores import fill

SOME_SQL = "SELECT count() AS n FROM (SELECT 1 FROM customers WHERE $scope AND canonical_id != customer_id LIMIT 1)"
JOIN = (
    "GLOBAL ANY LEFT JOIN (SELECT customer_id AS merged_id, canonical_id FROM customers FINAL"
    " WHERE $workspace AND canonical_id != customer_id) AS merges ON customer_id = merges.merged_id"
)
CUSTOMER = "if(merges.canonical_id = toUUID('00000000-0000-0000-0000-000000000000'), customer_id, merges.canonical_id)"
KNOWN = "customer_id != toUUID('00000000-0000-0000-0000-000000000000')"


@dataclass(frozen=True, slots=True)
class SomeRow:
    n: int


def with_customers(sql: str, scope: Scope) -> str:
    """Fill $customer (whom an event belongs to), $merges (the join it needs) and $known (somebody we know).

    Where nobody was ever merged, the join is left away.
    """
    some = ask(SOME_SQL, Scope(scope.workspace_id), row=SomeRow, name="metrics.merges", table="customers").rows[0].n
    return fill(sql, customer=CUSTOMER if some else "customer_id", merges=JOIN if some else "", known=KNOWN)
