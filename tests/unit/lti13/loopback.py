"""Servers on loopback that do exactly what a test says, byte for byte."""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

Behaviour = Callable[[socket.socket], None]


def read_request(connection: socket.socket) -> bytes:
    """Read one request, its body included; nothing when the peer is gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < (int(lengths[0]) if lengths else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(answer: bytes) -> Behaviour:
    """Give the same answer to every request on the connection."""

    def behave(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)

    return behave


def dripping(answer: bytes, piece: bytes, stop: threading.Event) -> Behaviour:
    """Answer, and then send one more piece every few milliseconds until told to stop."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)
        while not stop.wait(0.02):
            connection.sendall(piece)

    return behave


@dataclass
class Server:
    """A listening server, and what it has seen."""

    address: str
    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


@contextlib.contextmanager
def serving(behaviour: Behaviour, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve each connection in a thread of its own, until the block ends."""
    listener = socket.create_server((address, 0))
    server = Server(address, listener.getsockname()[1])
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: server.names.append(name)
    open_connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            wrapped = tls.wrap_socket(connection, server_side=True) if tls is not None else connection
            open_connections.append(wrapped)
            with wrapped:
                behaviour(wrapped)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections += 1
                open_connections.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)


def certificate_for(names: list[str], folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for names and addresses; return (the server's context, one of a client that trusts it)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    day = timedelta(days=1)
    alternatives = [_alternative(name) for name in names]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "chain.pem"
    chain.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(chain)
    ours = ssl.create_default_context(cafile=str(chain))
    return theirs, ours


def _alternative(name: str) -> "GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
