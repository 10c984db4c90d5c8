"""The bus: what happened in one service, told to the others, exactly once in its effect.

    changes ──relay──► topic exchange ──► quorum queue of each listening service ──► handlers
                                              ▲                      │ fails
                                              └── retry.1 … retry.n ◄┘ ──► parked, after the last attempt

A service's `worker.py` is this and no more:

    HANDLERS = Handlers()

    @HANDLERS.handles("lead.created")
    def assign(event: Event, tx: Transaction) -> None:
        lead = event.message(Lead)
        ...

The whole story, with its promises, is in `docs/events.md`.
"""
