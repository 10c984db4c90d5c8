"""Who a process is to the others: one certificate for both directions, read again when its files change.

A server asks its callers for a certificate of the same authority, so nobody calls who was not given one. What a caller
may do is decided by its token all the same (docs/security.md).
"""

from __future__ import annotations

import datetime
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from services.chassis.settings import SettingError, Tls

CHECK_SECONDS = 10.0

_CERTIFICATE, _KEY, _AUTHORITY = "KITH_TLS_CERT_FILE", "KITH_TLS_KEY_FILE", "KITH_TLS_CA_FILE"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Pem:
    """The contents of the three files."""

    certificate: bytes
    key: bytes
    authority: bytes


class Credentials:
    """The certificate, key and authority in the files that the settings name.

    Files are looked at every `check_seconds`, so that a renewed certificate (cert-manager writes it into the same
    Secret) is used without a restart. Renewed files that do not fit together are not used; they are looked at again.
    """

    def __init__(self, tls: Tls, check_seconds: float | None = None) -> None:
        """Raises SettingError, with the variable and the file, when one of the files is wrong."""
        self._tls = tls
        self._check_seconds = CHECK_SECONDS if check_seconds is None else check_seconds
        self._lock = threading.Lock()
        self._stamp = _stamp(tls)
        self._pem = _read(tls)
        self._number = 1
        self._served = 1
        self._checked = time.monotonic()

    def number(self) -> int:
        """Counts the certificates that the files have held; a higher one says that channels should be opened anew."""
        with self._lock:
            if time.monotonic() - self._checked >= self._check_seconds:
                self._checked = time.monotonic()
                self._look()
            return self._number

    def server(self) -> grpc.ServerCredentials:
        """For a server: each new connection is shown the latest certificate, and must show one itself."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            self._renewed_configuration,  # type: ignore[arg-type]  # the stubs miss that None says "nothing new"
            require_client_authentication=True,
        )

    def channel(self) -> grpc.ChannelCredentials:
        """For a channel, which keeps the certificate that it was opened with: see `number`."""
        pem = self._pem
        return grpc.ssl_channel_credentials(pem.authority, pem.key, pem.certificate)

    def _look(self) -> None:
        try:
            stamp = _stamp(self._tls)
            if stamp == self._stamp:
                return
            self._pem = _read(self._tls)
        except SettingError as error:
            _log.warning("the renewed certificate cannot be used: %s", error)
            return
        self._stamp = stamp
        self._number += 1
        _log.info("the certificate was renewed")

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        pem = self._pem
        return grpc.ssl_server_certificate_configuration([(pem.key, pem.certificate)], pem.authority)

    def _renewed_configuration(self) -> grpc.ServerCertificateConfiguration | None:
        """What gRPC asks before each handshake; None says that nothing is new."""
        number = self.number()
        if number == self._served:
            return None
        self._served = number
        return self._configuration()


def _stamp(tls: Tls) -> tuple[tuple[int, int, int], ...]:
    """What changes when a file is written or, as Kubernetes does it, replaced."""
    return tuple(
        (status.st_ino, status.st_mtime_ns, status.st_size)
        for status in (_status(variable, file) for variable, file in _files(tls))
    )


def _status(variable: str, file: str) -> os.stat_result:
    try:
        return Path(file).stat()
    except OSError as error:
        raise SettingError(f"{variable}: {file} cannot be read: {error.strerror}") from error


def _read(tls: Tls) -> _Pem:
    contents = _Pem(*(_content(variable, file) for variable, file in _files(tls)))
    certificate = _first_certificate(_CERTIFICATE, tls.certificate_file, contents.certificate)
    _first_certificate(_AUTHORITY, tls.authority_file, contents.authority)
    if certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        raise SettingError(
            f"{_CERTIFICATE}: the certificate in {tls.certificate_file} expired on {certificate.not_valid_after_utc:%F}"
        )
    if _plain(certificate.public_key()) != _plain(_public_key(tls.key_file, contents.key)):
        raise SettingError(
            f"{_KEY}: the key in {tls.key_file} does not belong to the certificate in {tls.certificate_file}"
        )
    return contents


def _files(tls: Tls) -> tuple[tuple[str, str], ...]:
    return (_CERTIFICATE, tls.certificate_file), (_KEY, tls.key_file), (_AUTHORITY, tls.authority_file)


def _content(variable: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SettingError(f"{variable}: {file} cannot be read: {error.strerror}") from error


def _first_certificate(variable: str, file: str, content: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except ValueError as error:
        raise SettingError(f"{variable}: {file} holds no PEM certificate") from error


def _public_key(file: str, content: bytes) -> PublicKeyTypes:
    try:
        return load_pem_private_key(content, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise SettingError(f"{_KEY}: {file} holds no unencrypted PEM private key") from error


def _plain(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
