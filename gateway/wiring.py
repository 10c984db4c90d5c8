"""Puts the gateway together: what depends on what is seen here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from gateway import openapi, stream
from gateway.app import Gateway, Page
from gateway.auth import Authenticator
from gateway.channels import Channels
from gateway.cors import Cors
from gateway.documents import documents
from gateway.drain import Drain
from gateway.health import Health
from gateway.hub import EventHub
from gateway.limits import RateLimiter
from gateway.repeats import repeatable
from gateway.replay import Logs
from gateway.routes import Rule, Tree, rules
from gateway.settings import GatewaySettings
from gateway.stream import EventStreams
from gateway.transcode import Route
from services.chassis import asyncapi, protos
from services.chassis.identity import RemoteIdentity
from services.chassis.permissions import require_permissions
from services.chassis.settings import SERVICES


@dataclass(slots=True)
class Running:
    """A gateway that is ready to serve, with what has to be closed in the end."""

    app: Gateway
    channels: Channels
    identity: RemoteIdentity
    authenticator: Authenticator
    hub: EventHub
    drain: Drain

    async def close(self) -> None:
        """Ends the background work and the connections."""
        await self.hub.close()
        self.identity.close()
        self.authenticator.close()
        await self.channels.close()


def assemble(settings: GatewaySettings) -> Running:
    """Builds a gateway; call it inside of the event loop that serves.

    Raises:
        SettingError: identity has no address, or a certificate, its key or its authority cannot be used.
        RouteError, MissingPermission: a proto cannot be served.
    """
    require_permissions(protos.services())
    served = list(rules(protos.services()))
    channels = Channels(settings.platform.peers, settings.platform.tls, repeatable(served))
    channels.ready()
    identity = RemoteIdentity(settings.platform.peer("identity"), settings.platform.tls)
    identity.start()
    authenticator = Authenticator(identity.verifier())
    limiter = RateLimiter(settings.rate_per_second, settings.rate_burst)
    hub = EventHub(settings.platform.amqp_uri, [f"{service}.events" for service in SERVICES])
    drain = Drain(settings.platform.drain_seconds)
    streams = EventStreams(hub, Logs(channels), authenticator, limiter, settings.most_streams)
    app = Gateway(
        tree=_tree(served, channels, settings.timeout_seconds),
        pages=_pages(Health(channels, identity.keys.known, drain), served, streams),
        authenticator=authenticator,
        limiter=limiter,
        cors=Cors(settings.cors_origins),
        most_in_flight=settings.most_in_flight,
    )
    return Running(app, channels, identity, authenticator, hub, drain)


def _tree(served: list[Rule], channels: Channels, timeout_seconds: float) -> Tree:
    """The routes of all services that have an address."""
    tree = Tree()
    known = set(channels.services())
    for rule in served:
        if protos.process(rule.method.containing_service) in known:
            tree.add(rule, Route(rule, channels.call(rule.method), timeout_seconds))
    return tree


def _pages(health: Health, served: list[Rule], streams: EventStreams) -> dict[str, Page]:
    described = documents(lambda: openapi.document(served), asyncapi.document)
    return {
        "/healthz": health.alive,
        "/readyz": health.ready,
        stream.PATH: streams.serve,
        **{path: document.serve for path, document in described.items()},
    }
