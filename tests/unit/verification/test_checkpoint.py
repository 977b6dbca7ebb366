from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assay.domain.errors import EvidenceRejected
from assay.domain.identity import PublicKey
from assay.formats.public_key import load_verifying_key
from assay.verification.checkpoint import TreeHead, note_key_id, verify_log_checkpoint
from assay.verification.trust_root import LogKey
from assay.verification.window import Window
from tests.fakes.certificate import spki
from tests.fakes.transparency import FakeLog

V1 = FakeLog(name="rekor.test")
V2 = FakeLog(name="log2026.rekor.test", generation=2)
OWN_ED25519 = FakeLog(name="private.test", kind="ed25519")
WITNESS = FakeLog(name="witness.test", generation=2)
ROOT = bytes(range(32))


def log_key(log: FakeLog) -> LogKey:
    return LogKey(
        log_id=log.log_id,
        key=load_verifying_key(PublicKey(spki=spki(log.key))),
        generation=log.generation,
        name=log.name,
        base_url=f"https://{log.name}",
        window=Window(),
    )


def outcome(log: FakeLog, text: str, lines: str | None = None, trusted: FakeLog | None = None) -> TreeHead | str:
    try:
        note = f"{text}\n{log.sign_line(text) if lines is None else lines}"
        return verify_log_checkpoint(note, log_key(trusted or log))
    except EvidenceRejected as error:
        return error.code


@pytest.mark.parametrize("log", [V1, V2, OWN_ED25519], ids=["v1", "v2", "v1 with Ed25519"])
def test_a_log_signs_its_head(log: FakeLog) -> None:
    text = log.checkpoint(5, ROOT)
    assert outcome(log, text) == TreeHead(origin=log.origin, size=5, root=ROOT)
    assert outcome(log, text + "an extension\nanother\n") == TreeHead(origin=log.origin, size=5, root=ROOT)
    assert outcome(log, text, WITNESS.sign_line(text) + log.sign_line(text)) == outcome(log, text)


BROKEN: dict[str, Callable[[str], str]] = {
    "no root": lambda text: "\n".join(text.split("\n")[:2]) + "\n",
    "no size": lambda text: text.replace("\n5\n", "\n"),
    "a size with a leading zero": lambda text: text.replace("\n5\n", "\n05\n"),
    "a negative size": lambda text: text.replace("\n5\n", "\n-5\n"),
    "a size of twenty digits": lambda text: text.replace("\n5\n", "\n10000000000000000000\n"),
    "an empty line before the extensions": lambda text: text + "\nlast\n",
    "an empty line at the end": lambda text: text + "\n",
    "another origin": lambda text: "evil.test" + text[text.index("\n") :],
    "a longer origin": lambda text: "x" + text,
    "an origin with a second tree": lambda text: text.replace("\n", " - 1\n", 1),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
def test_a_signed_text_that_is_no_head_of_this_log_is_refused(log: FakeLog, broken: str) -> None:
    text = BROKEN[broken](log.checkpoint(5, ROOT))
    assert outcome(log, text) == "log_proof_invalid"


@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
def test_a_root_that_is_not_base64_is_refused(log: FakeLog) -> None:
    assert outcome(log, f"{log.origin}\n5\n!\n") == "checkpoint_malformed"


@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
def test_every_line_under_the_logs_name_must_verify(log: FakeLog) -> None:
    text = log.checkpoint(5, ROOT)
    good, forged = log.sign_line(text), log.sign_line(text + "x\n")
    for lines in (forged, good + forged, forged + good):
        assert outcome(log, text, lines) == "log_proof_invalid"
    assert isinstance(outcome(log, text, good + good), TreeHead)


@pytest.mark.parametrize("log", [V1, V2], ids=["v1", "v2"])
def test_a_signature_under_another_name_or_hint_is_that_of_a_stranger(log: FakeLog) -> None:
    text = log.checkpoint(5, ROOT)
    for line in (
        log.sign_line(text, name="other.test"),
        log.sign_line(text, hint=b"\x00\x00\x00\x00"),
        WITNESS.sign_line(text),
        WITNESS.sign_line(text, name=log.name),
    ):
        assert outcome(log, text, line) == "log_proof_invalid"
    assert outcome(log, text, WITNESS.sign_line(text, name=log.name, hint=log.log_id[:4])) == "log_proof_invalid"


def test_a_key_of_the_second_generation_signs_for_one_origin_only() -> None:
    text = V2.checkpoint(5, ROOT)
    other = text.replace(V2.origin, "other.test", 1)
    assert outcome(V2, other, V2.sign_line(other, name="other.test")) == "log_proof_invalid"
    assert outcome(V2, text, V2.sign_line(text, name=V2.origin)) == TreeHead(origin=V2.origin, size=5, root=ROOT)


def test_a_log_of_the_second_generation_without_an_ed25519_key_is_refused() -> None:
    text = V1.checkpoint(5, ROOT)
    disguised = log_key(V1)
    key = LogKey(
        log_id=disguised.log_id,
        key=disguised.key,
        generation=2,
        name=disguised.name,
        base_url=disguised.base_url,
        window=disguised.window,
    )
    with pytest.raises(EvidenceRejected) as caught:
        verify_log_checkpoint(f"{text}\n{V1.sign_line(text)}", key)
    assert caught.value.code == "log_proof_invalid"


def test_the_id_of_a_note_key_binds_its_name() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    assert note_key_id("a", key) != note_key_id("b", key)
    own = V2.key.public_key()
    assert isinstance(own, Ed25519PublicKey)
    assert note_key_id(V2.name, own) == V2.log_id


def test_one_signature_may_be_written_many_times_and_every_other_must_hold() -> None:
    text = V1.checkpoint(5, ROOT)
    line = V1.sign_line(text)
    forged = V1.sign_line(text + "x")
    assert outcome(V1, text, line * 100) == outcome(V1, text)
    assert outcome(V1, text, line * 99 + forged) == "log_proof_invalid"
    assert outcome(V1, text, line + V1.sign_line(text)) == outcome(V1, text)
