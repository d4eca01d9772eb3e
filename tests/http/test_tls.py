"""Certificates: one of the platform's own is trusted when named, a wrong one never is."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer
from session_opener import Http

from crmsync.sdk import PermanentError

Serve = Callable[[str, timedelta], str]


def certificate(path: Path, host: str, lifetime: timedelta) -> Path:
    """A self-signed certificate with its key, valid from two days ago for that long."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    begun = datetime.now(UTC) - timedelta(days=2)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), begun, begun + lifetime
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a platform with such a certificate at `tmp_path/ca.pem` and gives its URL."""
    servers = []

    def start(host: str, lifetime: timedelta) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(tmp_path / "ca.pem", host, lifetime))
        server = HTTPServer(ssl_context=context)
        server.expect_request("/o").respond_with_json({"id": 1})
        server.start()  # type: ignore[no-untyped-call]
        servers.append(server)
        return server.url_for("/o")

    yield start
    for server in servers:
        server.stop()  # type: ignore[no-untyped-call]


def test_a_named_certificate_is_trusted(serve: Serve, tmp_path: Path, http: Http) -> None:
    url = serve("localhost", timedelta(days=9))
    assert http.open(ca_file=tmp_path / "ca.pem").get_json(url) == {"id": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("host", "days", "named", "why"),
    [
        ("localhost", 9, False, "self-signed"),
        ("localhost", 1, True, "expired"),
        ("other.example", 9, True, "mismatch"),
    ],
)
def test_a_wrong_certificate_is_refused_at_once(
    method: str, host: str, days: int, named: bool, why: str, serve: Serve, tmp_path: Path, http: Http
) -> None:
    url = serve(host, timedelta(days=days))
    session = http.open(ca_file=tmp_path / "ca.pem" if named else None)
    with pytest.raises(PermanentError, match=f"certificate is not valid: .*{why}"):
        session.request(method, url)
    assert http.clock.slept == []
