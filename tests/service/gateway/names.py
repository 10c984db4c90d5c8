"""A name server as a cluster has it for headless services: it tells the addresses of the pods that are ready."""

from __future__ import annotations

import socket
import struct
import threading


class NameServer:
    """Answers every question for an A record with `addresses`, over UDP; for others it has nothing."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                question, caller = self._socket.recvfrom(512)
                self._socket.sendto(_answer(question, list(self.addresses)), caller)
            except OSError:
                return


def _answer(question: bytes, addresses: list[str]) -> bytes:
    """A response (RFC 1035, 4.1): the head with the counts, the question again, and a record for each address."""
    end = question.index(b"\x00", 12) + 5
    (kind,) = struct.unpack("!H", question[end - 4 : end - 2])
    found = addresses if kind == 1 else []
    head = question[:2] + struct.pack("!HHHHH", 0x8580, 1, len(found), 0, 0)
    records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(address) for address in found]
    return head + question[12:end] + b"".join(records)
