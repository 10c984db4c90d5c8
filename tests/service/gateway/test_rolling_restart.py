"""Processes are replaced one after the other under load, as a cluster does it, and no client sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from services.chassis.settings import Tls
from tests.authority import Authority
from tests.service.gateway.names import NameServer
from tests.service.gateway.visitors import Balancer, Visitors
from tests.unit.gateway.process import ROOT, GatewayProcess, free_port

DRAIN_SECONDS = 3.0
KEY = OKPKey.generate_key("Ed25519").as_dict(private=True)


class Pods:
    """Pods of one service: each has an address of its own, all have the same port and the same name."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.names = NameServer()
        self.port = free_port()
        self.address = f"dns://{self.names.place}/kith-api.test:{self.port}"
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses = (f"127.0.0.{number}" for number in range(2, 250))

    def add(self) -> str:
        """Starts a pod, and makes it known when it is ready."""
        address = next(self._addresses)
        environment = {
            "PATH": os.environ["PATH"],
            "KITH_LISTEN": f"{address}:{self.port}",
            "KITH_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "SIGNING_KEY": json.dumps(KEY),
            **self._environment,
        }
        command = [sys.executable, "-m", "tests.service.gateway.pod"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        self._running[address] = process
        self.names.addresses.append(address)
        return address

    def end(self, address: str, number: int = signal.SIGTERM) -> subprocess.Popen[bytes]:
        """Sends a signal to a pod; the name server forgets it half a second later, as a cluster's does."""
        process = self._running.pop(address)
        process.send_signal(number)
        time.sleep(0.5)
        self.names.addresses.remove(address)
        return process

    def close(self) -> None:
        """Ends what runs."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self.names.close()


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Authority(tmp_path).issue("kith", "kith-api.test")


@pytest.fixture
def pods(tls: Tls) -> Iterator[Pods]:
    made = Pods(_environment(tls))
    yield made
    made.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_no_request_fails_while_every_api_and_every_gateway_is_replaced(pods: Pods, tls: Tls, stack: ExitStack) -> None:
    old = [pods.add(), pods.add()]
    gateways = [stack.enter_context(_gateway(pods, tls)) for _ in range(2)]
    balancer = Balancer(list(gateways))
    stack.callback(balancer.close)
    with Visitors(balancer) as visitors:
        for address in old:
            pods.add()
            assert pods.end(address).wait(30) == 0
        for gateway in gateways:
            balancer.gateways.append(stack.enter_context(_gateway(pods, tls)))
            time.sleep(1.5)  # until the balancer has seen it
            _end(gateway)
            balancer.gateways.remove(gateway)
    assert set(visitors.answers) == {"ok"}, visitors.answers
    assert visitors.answers["ok"] > 100


def test_an_api_alone_is_replaced_without_a_failed_request(pods: Pods, tls: Tls, stack: ExitStack) -> None:
    alone = pods.add()
    balancer = Balancer([stack.enter_context(_gateway(pods, tls))])
    stack.callback(balancer.close)
    with Visitors(balancer) as visitors:
        for _ in range(2):
            successor = pods.add()
            assert pods.end(alone).wait(30) == 0
            alone = successor
    assert set(visitors.answers) == {"ok"}, visitors.answers


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_reads_and_writes_survive_an_api_that_is(pods: Pods, tls: Tls, stack: ExitStack, blow: int) -> None:
    struck = [pods.add(), pods.add(), pods.add()][0]
    balancer = Balancer([stack.enter_context(_gateway(pods, tls))])
    stack.callback(balancer.close)
    with Visitors(balancer) as visitors:
        time.sleep(2)
        stack.callback(pods.end(struck, blow).kill)
        time.sleep(3)
    # Signing in is not repeated: nobody can tell a second attempt from the first.
    failed = {answer for answer in visitors.answers if answer != "ok" and "signIn" not in answer}
    assert not failed, visitors.answers


def _gateway(pods: Pods, tls: Tls) -> GatewayProcess:
    return GatewayProcess(pods.address, KITH_DRAIN_SECONDS=str(DRAIN_SECONDS), **_environment(tls))


def _end(gateway: GatewayProcess) -> None:
    assert gateway.process is not None
    gateway.process.terminate()
    assert gateway.process.wait(30) == 0


def _environment(tls: Tls) -> dict[str, str]:
    return {
        "KITH_TLS_CERT_FILE": tls.certificate_file,
        "KITH_TLS_KEY_FILE": tls.key_file,
        "KITH_TLS_CA_FILE": tls.authority_file,
    }
