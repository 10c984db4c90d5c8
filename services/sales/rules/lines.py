"""What is offered or sold, and what it amounts to. All sums are whole minor units, so nothing is ever rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kith.sales.v1.line_item_pb2 import LineItem
from kith.type.v1.money_pb2 import Money

from services.chassis.errors import InvalidArgument

PriceOf = Callable[[str], Money | None]
"""What one of a product (`products/…`) costs; None when it has no price."""

_LARGEST = 2**63 - 1


def complete(lines: Iterable[LineItem], price_of: PriceOf) -> None:
    """Sets what a line leaves open: one piece, at the product's price."""
    for line in lines:
        line.quantity = line.quantity or 1
        if line.product and not line.HasField("unit_price"):
            price = price_of(line.product)
            if price is not None:
                line.unit_price.CopyFrom(price)


def total(lines: Iterable[LineItem], field: str) -> Money:
    """The sum of lines. `field` is the path of the lines, for what is wrong with them.

    Raises:
        InvalidArgument: they are in different currencies, or the sum is beyond 2⁶³-1 minor units.
    """
    currency: str | None = None
    amount_minor = 0
    for index, line in enumerate(lines):
        if not line.HasField("unit_price"):
            continue
        code = line.unit_price.currency_code
        if currency is not None and code != currency:
            raise InvalidArgument.of(
                f"{field}[{index}].unit_price.currency_code",
                f"is {_said(code)} and before it was {_said(currency)}: all lines need the same currency",
            )
        currency = code
        amount_minor += line.quantity * line.unit_price.amount_minor
        if abs(amount_minor) > _LARGEST:
            raise InvalidArgument.of(f"{field}[{index}]", "makes the sum too large: it must fit in 64 bits")
    return Money(currency_code=currency or "", amount_minor=amount_minor)


def _said(code: str) -> str:
    return code or "not set"
