"""A list request as one MongoDB query: tenant, filter, search, order and page in one place.

Two ways to page, chosen by what is asked (decision 0005). With an order, or without `q`: keyset, by the order
and then the id. With `q` and no order: in the order of the index that finds the words, with a count to skip (at
most 10,000), so that nothing is sorted.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.chassis.errors import InvalidArgument
from services.chassis.resources.filter import compile_filter
from services.chassis.resources.ordering import Order, parse_order
from services.chassis.resources.paging import (
    after,
    fingerprint,
    offset,
    offset_token,
    page_limit,
    position_token,
)
from services.chassis.resources.schema import RecordType
from services.chassis.resources.search import query_of

Query = dict[str, Any]

TENANT_INDEX = "tenant"
"""The index {tenant, _id} of every collection. An index {tenant, <path>, _id} has the path's name."""

NOT_INDEXED = frozenset({"creator"})
"""Fields that may stand in filters and orders and have no index of their own."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to give to `find`: `limit` is one more than the page, to see whether there is a next one.

    `hint` is an index name or None. `sort` is empty where the index of a search gives the order.
    """

    query: Query
    sort: list[tuple[str, int]]
    skip: int
    limit: int
    hint: str | None
    order: Order
    arguments: bytes

    @property
    def page_size(self) -> int:
        """Documents of the page."""
        return self.limit - 1


def list_query(
    record_type: RecordType,
    *,
    tenant: str,
    filter: str = "",
    order_by: str = "",
    q: str = "",
    page_size: int = 0,
    page_token: str = "",
    show_deleted: bool = False,
) -> ListQuery:
    """The query for one page of one tenant's records.

    Raises InvalidArgument with a violation on the field at fault. Sources: AIP-132, AIP-158, AIP-160.
    """
    limit = page_limit(page_size) + 1
    plan = _plan(record_type, filter, order_by, q)
    arguments = fingerprint(record_type.type, tenant, filter, order_by, q, show_deleted)
    skip = 0
    conditions = plan.conditions
    if page_token and not plan.sort:
        skip = offset(page_token, arguments)
    elif page_token:
        conditions = (after(plan.order, page_token, arguments), *conditions)
    query: Query = {"tenant": tenant}
    if not show_deleted:
        query["delete_time"] = None
    if conditions:
        query["$and"] = list(conditions)
    return ListQuery(query, plan.sort, skip, limit, plan.hint, plan.order, arguments)


def next_token(listed: ListQuery, last_document: dict[str, Any]) -> str:
    """The token of the next page; `last_document` is the last one of this page (not the one beyond it)."""
    if not listed.sort:
        return offset_token(listed.skip + listed.page_size, listed.arguments)
    return position_token(listed.order, last_document, listed.arguments)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The part of a list that depends on neither tenant nor page."""

    conditions: tuple[Query, ...]
    sort: list[tuple[str, int]]
    hint: str | None
    order: Order


@lru_cache(maxsize=1024)
def _plan(record_type: RecordType, filter: str, order_by: str, q: str) -> _Plan:
    filtered = compile_filter(record_type, filter)
    order = parse_order(record_type, order_by)
    search = query_of(q)
    if search.hint and not record_type.searchable:
        raise InvalidArgument.of("q", f"{record_type.plural} have no fields that are searched; use filter")
    conditions = tuple(condition for condition in (filtered, search.condition) if condition)
    ordered = bool(order_by.strip())
    if not search.hint:
        return _Plan(conditions, order.sort, None if filtered else _order_index(order), order)
    if search.broad and (filtered or ordered):
        # One or two letters find too much to enter by them: MongoDB tries whether filter or order serve better.
        return _Plan(conditions, order.sort, None, order)
    return _Plan(conditions, order.sort if ordered else [], search.hint, order)


def _order_index(order: Order) -> str | None:
    """The index of an order without filter: its field's own, which needs no sort, or that of all the tenant's records.

    Left to itself MongoDB tries every index, since all begin with the tenant, and may settle on one with ten entries a
    document: two sort fields over 300,000 documents took 10 s so, and take 0.5 s by the tenant's index.
    """
    if len(order.keys) != 1:
        return TENANT_INDEX
    path = order.keys[0].column.path
    return None if path in NOT_INDEXED else path
