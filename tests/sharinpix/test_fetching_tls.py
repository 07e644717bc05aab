"""https: the connection goes to the address, the certificate is that of the name."""

import datetime
import ipaddress
import itertools
import ssl
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sharinpix.fetching import Failed, fetch
from tests.sharinpix.sites import Site, lines, moved, reply, site, trickle

pytestmark = pytest.mark.any_database
NAME = "pictures.example.org"


def certificate(folder: Path) -> Path:
    """The path of a key and a self-signed certificate for NAME and 127.0.0.2, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    holders = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(holders, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def pem(tmp_path: Path, settings: Any, names_lead_to: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate, which this system trusts; every name leads to 127.0.0.1."""
    settings.IMPORT_ALLOW_NETS = ["127.0.0.0/8"]
    path = certificate(tmp_path)
    names_lead_to("127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture
def greeted() -> list[str | None]:
    """The names that the server was greeted with (SNI)."""
    return []


@pytest.fixture
def secure(pem: Path, greeted: list[str | None]) -> Iterator[Site]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    context.sni_callback = lambda connection, name, context: greeted.append(name)
    with site(reply(b"picture"), context) as found:
        yield found


def fetched(url: str, headers: dict[str, str] | None = None) -> bytes:
    into = BytesIO()
    fetch(url, headers or {}, into, most=1_000)
    return into.getvalue()


def test_the_name_stands_in_the_greeting_and_in_host_and_the_address_is_connected_to(
    secure: Site, greeted: list[str | None]
) -> None:
    assert fetched(f"https://{NAME}:{secure.port}/a") == b"picture"
    assert greeted == [NAME]
    assert dict(lines(secure.requests[0]))["host"] == f"{NAME}:{secure.port}"
    assert fetched(f"https://{NAME.upper()}.:{secure.port}/") == b"picture"


def test_a_certificate_of_another_name_has_failed(secure: Site) -> None:
    for name in ("other.example.org", "127.0.0.1"):  # its address is not enough
        with pytest.raises(Failed, match=rf"^{name} cannot be reached: .+ certificate is not valid for '{name}'\.$"):
            fetched(f"https://{name}:{secure.port}/")
    assert secure.requests == []


def test_a_certificate_of_nobody_that_we_trust_has_failed(secure: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Failed, match=r"^pictures\.example\.org cannot be reached: self-signed certificate\.$"):
        fetched(f"https://{NAME}:{secure.port}/")
    assert secure.requests == []


def test_what_does_not_speak_tls_has_failed(pem: Path) -> None:
    with site(reply(b"a")) as plain, pytest.raises(Failed, match=r" cannot be reached: wrong version number\.$"):
        fetched(f"https://{NAME}:{plain.port}/")


def test_headers_do_not_go_from_https_to_http(secure: Site) -> None:
    with site(reply(b"a")) as plain:
        secure.answer = moved(f"http://{NAME}:{plain.port}/")
        fetched(f"https://{NAME}:{secure.port}/", {"Authorization": "secret"})
        assert b"secret" in secure.requests[0]
        assert b"secret" not in plain.requests[0]


@pytest.mark.usefixtures("hasty")
def test_the_deadline_cuts_what_is_encrypted_too(secure: Site) -> None:
    for begun in (b"", b"HTTP/1.1 200 OK\r\n\r\n"):
        secure.answer = lambda request, begun=begun: itertools.chain([begun], trickle(reply(b"a")))
        with pytest.raises(Failed, match=r" took longer than 0\.3 seconds\.$"):
            fetched(f"https://{NAME}:{secure.port}/")
