"""The tenant's default pipeline, which is there from the first opportunity on, and which pipelines must stay."""

from __future__ import annotations

from kith.sales.v1.opportunity_pb2 import Opportunity
from kith.sales.v1.pipeline_pb2 import Pipeline

from services.chassis.errors import FailedPrecondition
from services.chassis.resources.defaults import Default
from services.chassis.resources.transaction import Transaction
from services.sales.rules import stages

DEFAULT = Default(Pipeline, stages.standard)


def refuse_deletion(tx: Transaction, name: str) -> None:
    """To be called before a deletion.

    Raises:
        FailedPrecondition: it is the default pipeline, or opportunities are in it.
    """
    DEFAULT.refuse_deletion(tx, name)
    if tx.find(Opportunity, {"pipeline": name}, limit=1):
        raise FailedPrecondition("opportunities are in this pipeline: move them first", reason="PIPELINE_IN_USE")
