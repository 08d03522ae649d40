"""The local certificate authority."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi

from infra.local.stack.certificates import RENEW_BEFORE, VALID_FOR, Certificates, ensure_certificates

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def contents(files: Certificates) -> list[bytes]:
    """Every file, for comparison."""
    return [path.read_bytes() for path in (files.ca, files.cert, files.key, files.bundle)]


def authorities(path: Path) -> list[bytes]:
    """The authorities that a client given this file trusts."""
    return ssl.create_default_context(cafile=path).get_ca_certs(binary_form=True)


def test_good_certificates_are_kept(tmp_path: Path) -> None:
    """A second call a month later changes nothing."""
    first = contents(ensure_certificates(tmp_path, now=NOW))
    assert contents(ensure_certificates(tmp_path, now=NOW + timedelta(days=30))) == first


def test_expiring_certificates_are_renewed(tmp_path: Path) -> None:
    """Within the last month a new pair is made."""
    first = contents(ensure_certificates(tmp_path, now=NOW))
    later = NOW + VALID_FOR - RENEW_BEFORE
    assert not set(contents(ensure_certificates(tmp_path, now=later))) & set(first)


def test_a_damaged_file_is_repaired(tmp_path: Path) -> None:
    """A key that is cut short, and one that belongs to another certificate, are replaced."""
    files = ensure_certificates(tmp_path / "one", now=NOW)
    files.key.write_bytes(files.key.read_bytes()[:50])
    ensure_certificates(tmp_path / "one", now=NOW)
    other = ensure_certificates(tmp_path / "two", now=NOW)
    files.key.write_bytes(other.key.read_bytes())
    ensure_certificates(tmp_path / "one", now=NOW)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(files.cert, files.key)


def test_the_key_is_private_and_the_authority_signs_nothing_more(tmp_path: Path) -> None:
    """Only the owner reads the server's key, and the authority's own key is nowhere."""
    files = ensure_certificates(tmp_path, now=NOW)
    assert files.key.stat().st_mode & 0o777 == 0o600
    keys = [path for path in tmp_path.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert keys == [files.key]


def test_the_bundle_trusts_the_system_and_us(tmp_path: Path) -> None:
    """Public authorities stay trusted, so that nothing else of the host stops working."""
    files = ensure_certificates(tmp_path, now=NOW)
    ours, public, all_of_them = (set(authorities(path)) for path in (files.ca, Path(certifi.where()), files.bundle))
    assert len(ours) == 1
    assert ours < all_of_them
    assert len(all_of_them & public) > len(public) / 2


def test_strict_verification_accepts_the_chain(tmp_path: Path) -> None:
    """The chain has the key identifiers that Python 3.13 insists on."""
    files = ensure_certificates(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files.cert, files.key)
    client = ssl.create_default_context(cafile=files.ca)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here, there):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert here.version() == "TLSv1.3"
