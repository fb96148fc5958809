"""A domain, its DNS and its TLS on this machine: a proxy for https that ends TLS, with a certificate of its own."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SECONDS = 60.0


@dataclass(frozen=True)
class Internet:
    """What clients are told: the proxy, and whom to trust."""

    port: int
    authority: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that curl and httpx read; loopback is reached without the proxy."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "SSL_CERT_FILE": str(self.authority),
            "CURL_CA_BUNDLE": str(self.authority),
            "NO_PROXY": "127.0.0.1",
        }


@contextmanager
def internet(domain: str, target: int, folder: Path) -> Iterator[Internet]:
    """Lead https for a domain to a port of this machine, as plain http; nothing else can be reached through it."""
    certificate, key = _certificate(domain, folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, domain, target, context), daemon=True).start()
        yield Internet(listening.getsockname()[1], certificate)


def _serve(listening: socket.socket, domain: str, target: int, context: ssl.SSLContext) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:  # closed: the test is over
            return
        threading.Thread(target=_lead, args=(client, domain, target, context), daemon=True).start()


def _lead(client: socket.socket, domain: str, target: int, context: ssl.SSLContext) -> None:
    client.settimeout(SECONDS)
    with client, suppress(OSError):
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += client.recv(4096)
        if not asked.startswith(f"CONNECT {domain}:443 ".encode()):
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with (
            context.wrap_socket(client, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", target), SECONDS) as outside,
        ):
            threading.Thread(target=_copy, args=(inside, outside), daemon=True).start()
            _copy(outside, inside)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _certificate(domain: str, folder: Path) -> tuple[Path, Path]:
    """Make a certificate that trusts itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, domain)]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
