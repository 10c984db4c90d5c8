"""The stages of a pipeline, and what a stage says about an opportunity."""

from __future__ import annotations

from collections import Counter

from kith.sales.v1.pipeline_pb2 import (
    STAGE_OUTCOME_LOST,
    STAGE_OUTCOME_OPEN,
    STAGE_OUTCOME_WON,
    Pipeline,
    Stage,
    StageOutcome,
)

from services.chassis.errors import InvalidArgument

_STANDARD = (
    ("Prospecting", 10, STAGE_OUTCOME_OPEN),
    ("Qualification", 10, STAGE_OUTCOME_OPEN),
    ("Needs Analysis", 20, STAGE_OUTCOME_OPEN),
    ("Value Proposition", 50, STAGE_OUTCOME_OPEN),
    ("Id. Decision Makers", 60, STAGE_OUTCOME_OPEN),
    ("Perception Analysis", 70, STAGE_OUTCOME_OPEN),
    ("Proposal/Price Quote", 75, STAGE_OUTCOME_OPEN),
    ("Negotiation/Review", 90, STAGE_OUTCOME_OPEN),
    ("Closed Won", 100, STAGE_OUTCOME_WON),
    ("Closed Lost", 0, STAGE_OUTCOME_LOST),
)
"""Salesforce's standard opportunity stages and probabilities: what comes from there fits as it is."""


def standard() -> Pipeline:
    """The pipeline of a tenant that has made none."""
    stages = [
        Stage(display_name=name, probability_percent=percent, outcome=outcome) for name, percent, outcome in _STANDARD
    ]
    return Pipeline(display_name="Sales", stages=stages, default=True)


def complete(pipeline: Pipeline) -> None:
    """Sets what a stage's outcome says, and checks that opportunities can pass through the pipeline.

    Raises:
        InvalidArgument: two stages share a name, or there is not exactly one won and one lost and at least one open.
    """
    for stage in pipeline.stages:
        stage.display_name = stage.display_name.strip()
        stage.outcome = stage.outcome or STAGE_OUTCOME_OPEN
        if stage.outcome in _CERTAIN:
            stage.probability_percent = _CERTAIN[stage.outcome]
    _check_names(pipeline)
    outcomes = Counter(stage.outcome for stage in pipeline.stages)
    for outcome, what in ((STAGE_OUTCOME_WON, "won"), (STAGE_OUTCOME_LOST, "lost")):
        if outcomes[outcome] != 1:
            count = outcomes[outcome]
            raise InvalidArgument.of("pipeline.stages", f"exactly one must have the outcome {what}, not {count}")
    if not outcomes[STAGE_OUTCOME_OPEN]:
        raise InvalidArgument.of("pipeline.stages", "at least one must be open, so that opportunities can begin")


def named(pipeline: Pipeline, name: str) -> Stage:
    """The stage of that name.

    Raises:
        InvalidArgument: the pipeline has none; the text lists those that it has.
    """
    for stage in pipeline.stages:
        if stage.display_name == name:
            return stage
    names = ", ".join(stage.display_name for stage in pipeline.stages)
    raise InvalidArgument.of(
        "opportunity.stage", f"{name!r} is no stage of the pipeline {pipeline.display_name}; its stages are {names}"
    )


def first(pipeline: Pipeline, outcome: StageOutcome) -> Stage:
    """The first stage with an outcome; a complete pipeline has one for each."""
    return next(stage for stage in pipeline.stages if stage.outcome == outcome)


_CERTAIN = {STAGE_OUTCOME_WON: 100, STAGE_OUTCOME_LOST: 0}


def _check_names(pipeline: Pipeline) -> None:
    seen: set[str] = set()
    for index, stage in enumerate(pipeline.stages):
        folded = stage.display_name.casefold()
        if folded in seen:
            raise InvalidArgument.of(
                f"pipeline.stages[{index}].display_name", f"another stage is called {stage.display_name!r} too"
            )
        seen.add(folded)
