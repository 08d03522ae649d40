"""What certificates are taken, and what is said of the others."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.adapters import certificates
from shared.adapters.certificates import X509CertificateReader
from shared.domain.connections.entra.certificate import Certificate
from shared.errors import RateLimited, Rejected
from tests.support.certificates import Pair, pair

PASSWORD = "the password"


def pfx(made: Pair, password: str = "") -> str:
    """Return a pair as people paste a PFX."""
    return base64.b64encode(made.pfx(password)).decode()


@pytest.fixture(scope="module")
def made() -> Pair:
    """One pair."""
    return pair(days=100)


@pytest.mark.parametrize(
    ("entered", "password"),
    [
        (lambda made: made.pem(), ""),
        (lambda made: made.pem(), "needless"),
        (lambda made: made.pem(PASSWORD), PASSWORD),
        (lambda made: made.public + made.private(), ""),
        (lambda made: f"\n  {made.pem()}  \n", ""),
        (lambda made: made.pem() + pair().public, ""),
        (lambda made: pair().public + made.pem(), ""),
        (pfx, ""),
        (lambda made: pfx(made, PASSWORD), PASSWORD),
    ],
)
async def test_a_certificate_with_its_key_is_taken(made: Pair, entered: Callable[[Pair], str], password: str) -> None:
    """In whatever form: key first and open, its own certificate next, and when that one ends."""
    found = await X509CertificateReader().read(entered(made), password)
    assert found.pem.startswith(made.private() + made.public)
    assert abs(found.ends - made.certificate.not_valid_after_utc) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("entered", "password", "code"),
    [
        (lambda _: "", "", "certificate_unreadable"),
        (lambda _: "cAn8Q~secret-in-the-wrong-field", "", "certificate_unreadable"),
        (lambda _: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "", "certificate_unreadable"),
        (lambda made: made.private(), "", "certificate_unreadable"),
        (lambda made: made.public, "", "certificate_without_key"),
        (lambda made: pair().private() + made.public, "", "certificate_without_key"),
        (lambda made: made.pem(PASSWORD), "", "certificate_password"),
        (lambda made: made.pem(PASSWORD), "wrong", "certificate_password"),
        (lambda made: pfx(made, PASSWORD), "", "certificate_password"),
        (lambda made: pfx(made, PASSWORD), "wrong", "certificate_password"),
        (lambda made: elliptic() + made.public, "", "certificate_without_key"),
        (lambda _: pair(bits=1024).pem(), "", "certificate_weak"),
        (lambda made: made.pem() + "x" * 100_000, "", "certificate_unreadable"),
        (lambda made: pfx(made, PASSWORD), f"{PASSWORD}\0", "certificate_unreadable"),
    ],
)
async def test_what_is_no_certificate_with_its_key_is_refused(
    made: Pair, entered: Callable[[Pair], str], password: str, code: str
) -> None:
    """With what is wrong, and without a word of what was entered."""
    text = entered(made)
    with pytest.raises(Rejected) as refused:
        await X509CertificateReader().read(text, password)
    assert refused.value.code == code
    assert not text or text not in str(refused.value)


def elliptic() -> str:
    """Return a key of a kind that the login service does not take."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_key_that_would_sign_for_long_is_refused(made: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time grows with the cube of its size."""
    monkeypatch.setattr(certificates, "_MAX_BITS", made.key.key_size - 1)
    with pytest.raises(Rejected, match="are accepted") as refused:
        certificates.opened(made.pem(), "")
    assert refused.value.code == "certificate_unreadable"


async def test_a_file_that_takes_for_ever_does_not_stop_the_worker(made: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it decides how often its password is hashed; here two thousand million times."""
    monkeypatch.setattr("shared.adapters.certificates._TIMEOUT_S", 2.0)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.05)
            beats += 1

    beating = asyncio.create_task(beat())
    with pytest.raises(Rejected) as refused:
        await X509CertificateReader().read(with_rounds(made.private("x"), 2**31 - 1) + made.public, "x")
    beating.cancel()
    assert (refused.value.code, "too long" in str(refused.value)) == ("certificate_unreadable", True)
    assert beats > 10


async def test_only_so_many_files_are_opened_at_the_same_time(made: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait, and are told to come back if it takes long."""
    running, most = 0, 0
    finish = asyncio.Event()

    async def read(_: X509CertificateReader, text: str, __: str) -> Certificate:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await finish.wait()
        running -= 1
        return Certificate(pem=text, ends=made.certificate.not_valid_after_utc)

    monkeypatch.setattr(X509CertificateReader, "_read", read)
    monkeypatch.setattr(certificates, "_WAIT_S", 0.1)
    reader = X509CertificateReader()
    first = [asyncio.create_task(reader.read(str(number), "")) for number in range(2)]
    await asyncio.sleep(0)  # they take both processes
    with pytest.raises(RateLimited) as refused:
        await reader.read("late", "")
    assert refused.value.retry_after_s is not None
    finish.set()
    assert [found.pem for found in await asyncio.gather(*first)] == ["0", "1"]
    assert (await reader.read("later", "")).pem == "later"
    assert most == 2


def with_rounds(pem: str, rounds: int) -> str:
    """Return an encrypted key whose password has to be hashed so often, instead of 2048 times."""
    der = bytearray(base64.b64decode("".join(pem.splitlines()[1:-1])))
    at = der.index(b"\x02\x02\x08\x00")
    der[at : at + 4] = b"\x02\x04" + rounds.to_bytes(4, "big")
    # the number is two bytes longer now, and so is everything around it, whose lengths stand here
    der[2:4] = (int.from_bytes(der[2:4], "big") + 2).to_bytes(2, "big")
    for length in (5, 18, 20, 33):
        der[length] += 2
    text = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{text}-----END ENCRYPTED PRIVATE KEY-----\n"
