"""A stand-in for the Kubernetes API server: Secrets of one namespace over HTTPS, with its status codes and messages."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMESPACE = "crm"
TOKEN = "token-of-the-secrets-job"
PATH = f"/api/v1/namespaces/{NAMESPACE}/secrets"


@dataclass
class Cluster:
    """What the server holds and allows.

    before_create: called before a Secret is stored, as somebody else's moment. outages: so many requests are answered
    with 503 first.
    """

    account: Path
    port: int = 0
    secrets: dict[str, Any] = field(default_factory=dict)
    verbs: frozenset[str] = frozenset({"get", "create"})
    outages: int = 0
    before_create: Callable[[], None] = lambda: None

    def environment(self) -> dict[str, str]:
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.port)}


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A server on a free port, with a certificate that only the account's ca.crt vouches for."""
    account = folder / "serviceaccount"
    account.mkdir()
    certificate, key = _certificate()
    (account / "ca.crt").write_bytes(certificate)
    (account / "token").write_text(TOKEN)
    (account / "namespace").write_text(NAMESPACE)
    (folder / "server.pem").write_bytes(key + certificate)
    cluster = Cluster(account)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    cluster.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix(f"{PATH}/")
            if self._admitted("get", name):
                found = cluster.secrets.get(name)
                self._answer(*((200, found) if found else (404, _status(404, f'secrets "{name}" not found'))))

        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = document["metadata"]["name"]
            if self.path == PATH and self._admitted("create", name):
                cluster.before_create()
                if name in cluster.secrets:
                    self._answer(409, _status(409, f'secrets "{name}" already exists'))
                else:
                    cluster.secrets[name] = document
                    self._answer(201, document)

        def log_message(self, *_: object) -> None:
            pass

        def _admitted(self, verb: str, name: str) -> bool:
            if cluster.outages:
                cluster.outages -= 1
                self._answer(503, _status(503, "the server is currently unable to handle the request"))
            elif self.headers["Authorization"] != f"Bearer {TOKEN}":
                self._answer(401, _status(401, "Unauthorized"))
            elif verb not in cluster.verbs:
                self._answer(403, _status(403, f'secrets "{name}" is forbidden: User cannot {verb} resource "secrets"'))
            else:
                return True
            return False

        def _answer(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def _certificate() -> tuple[bytes, bytes]:
    """A certificate of 127.0.0.1 that signs itself, and its key; both in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return certificate.public_bytes(pem), key.private_bytes(pem, pkcs8, serialization.NoEncryption())
