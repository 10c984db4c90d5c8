"""Orders: their number, day and total."""

from __future__ import annotations

import datetime

from kith.sales.v1.order_pb2 import ORDER_STATE_PLACED, Order

from services.sales.rules import dates, lines


def complete(order: Order, today: datetime.date) -> None:
    """Sets state, day and total where they are open or follow.

    Raises:
        InvalidArgument: the lines have no sum, or the day is none.
    """
    order.state = order.state or ORDER_STATE_PLACED
    dates.check("order.order_date", order.order_date)
    order.order_date = order.order_date or today.isoformat()
    if order.lines:
        order.total.CopyFrom(lines.total(order.lines, "order.lines"))


def number(count: int) -> str:
    """How people say an order's number; it grows beyond six digits."""
    return f"O-{count:06}"
