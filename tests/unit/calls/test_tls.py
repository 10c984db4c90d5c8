"""Calls between processes are encrypted, and both ends prove who they are."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from services.chassis import credentials
from services.chassis.channels import EVERY_METHOD, Line
from services.chassis.credentials import Credentials
from services.chassis.settings import SettingError, Tls
from tests.authority import Authority
from tests.unit.calls.echo import METHOD, Echo, ask, once

Start = Callable[[Tls | None], Echo]


def test_two_processes_with_certificates_of_one_authority_can_talk(start: Start, tls: Tls) -> None:
    once(f"localhost:{start(tls).port}", tls)


def test_a_caller_that_speaks_plaintext_is_refused(start: Start, tls: Tls) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        once(f"localhost:{start(tls).port}", None)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_caller_without_a_certificate_is_refused(start: Start, tls: Tls) -> None:
    trusting = grpc.ssl_channel_credentials(Path(tls.authority_file).read_bytes())
    with grpc.secure_channel(f"localhost:{start(tls).port}", trusting) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary(f"/{METHOD}", request_serializer=bytes)(b"", timeout=5)


def test_a_caller_with_a_certificate_of_somebody_else_is_refused(start: Start, tls: Tls, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger").issue("strange", "localhost")
    trusting = Tls(stranger.certificate_file, stranger.key_file, tls.authority_file)
    with pytest.raises(grpc.RpcError):
        once(f"localhost:{start(tls).port}", trusting)


def test_a_server_whose_certificate_names_another_host_is_not_believed(start: Start, authority: Authority) -> None:
    other = authority.issue("other", "kith-sales-api")
    with pytest.raises(grpc.RpcError):
        once(f"localhost:{start(other).port}", other)


def test_a_server_shows_a_renewed_certificate_to_new_callers(
    start: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "CHECK_SECONDS", 0.0)
    tls = authority.issue("kith", "localhost")
    echo = start(tls)
    before = _shown(echo.port, tls)
    authority.issue("kith", "localhost")
    assert _shown(echo.port, tls) != before


def test_a_client_shows_a_renewed_certificate_without_a_restart(
    start: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(credentials, "CHECK_SECONDS", 0.0)
    echo = start(authority.issue("server", "localhost"))
    stranger = Authority(tmp_path, "stranger").issue("strange", "localhost")
    client = Tls(str(tmp_path / "client.pem"), str(tmp_path / "client.key"), str(authority.file))
    _copy(stranger, client)
    line = Line(f"localhost:{echo.port}", client, [EVERY_METHOD])
    with pytest.raises(grpc.RpcError):
        ask(line)
    _copy(authority.issue("renewed", "localhost"), client)
    ask(line)
    line.close()


def test_a_renewed_certificate_that_does_not_fit_its_key_is_not_used(authority: Authority) -> None:
    tls = authority.issue("kith", "localhost")
    kept = Credentials(tls, check_seconds=0.0)
    Path(tls.key_file).write_bytes(Path(authority.issue("other").key_file).read_bytes())
    assert kept.number() == 1
    authority.issue("kith", "localhost")
    assert kept.number() == 2


@pytest.mark.parametrize(
    ("spoiled", "content", "complaint"),
    [
        ("certificate_file", None, "KITH_TLS_CERT_FILE: {file} cannot be read: No such file or directory"),
        ("certificate_file", b"hello", "KITH_TLS_CERT_FILE: {file} holds no PEM certificate"),
        ("key_file", None, "KITH_TLS_KEY_FILE: {file} cannot be read: No such file or directory"),
        ("key_file", b"hello", "KITH_TLS_KEY_FILE: {file} holds no unencrypted PEM private key"),
        ("authority_file", b"", "KITH_TLS_CA_FILE: {file} holds no PEM certificate"),
    ],
)
def test_a_wrong_file_is_named_with_its_variable(tls: Tls, spoiled: str, content: bytes | None, complaint: str) -> None:
    file = Path(getattr(tls, spoiled))
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(SettingError, match=re.escape(complaint.format(file=file))):
        Credentials(tls)


def test_a_key_of_another_certificate_is_named_as_the_fault(authority: Authority, tls: Tls) -> None:
    other = authority.issue("other")
    with pytest.raises(SettingError, match=r"KITH_TLS_KEY_FILE: the key in .* does not belong to the certificate"):
        Credentials(Tls(tls.certificate_file, other.key_file, tls.authority_file))


def test_an_expired_certificate_is_named_as_the_fault(authority: Authority) -> None:
    with pytest.raises(SettingError, match=r"KITH_TLS_CERT_FILE: the certificate in .* expired on"):
        Credentials(authority.issue("old", "localhost", hours=-1))


def _shown(port: int, tls: Tls) -> int:
    """The serial number of the certificate that a server shows."""
    context = ssl.create_default_context(cafile=tls.authority_file)
    context.load_cert_chain(tls.certificate_file, tls.key_file)
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(socket.socket(), server_hostname="localhost") as connection:
        connection.connect(("127.0.0.1", port))
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def _copy(source: Tls, target: Tls) -> None:
    Path(target.key_file).write_bytes(Path(source.key_file).read_bytes())
    Path(target.certificate_file).write_bytes(Path(source.certificate_file).read_bytes())
