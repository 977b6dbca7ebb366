"""Expected bodies: what the uploader may choose is taken over, everything else must be ours."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fakes.certificate import NOW
from tests.fakes.judge import WORLD, verdict
from tests.fakes.sigstore import Recipe
from tests.fakes.transparency import Edit, Json, b64

INTOTO = Recipe(body="intoto 0.0.2")
MESSAGE = Recipe(content="message", body="hashedrekord 0.0.1")
ENVELOPE_KINDS = ("dsse 0.0.1", "intoto 0.0.1", "intoto 0.0.2")


def signature(**members: Any) -> Edit:
    return lambda body: body["spec"]["content"]["envelope"]["signatures"][0].update(members)


def envelope(**members: Any) -> Edit:
    return lambda body: body["spec"]["content"]["envelope"].update(members)


def logged(body: Edit, **parts: Any) -> str:
    return verdict(WORLD.mint(INTOTO, body=body, **parts))


def repacked(change: Any) -> Edit:
    """The uploaded PEM with this change to its text."""

    def edit(body: Json) -> None:
        entry = body["spec"]["content"]["envelope"]["signatures"][0]
        entry["publicKey"] = b64(change(base64.b64decode(entry["publicKey"])))

    return edit


def test_the_uploaded_pem_may_be_laid_out_as_the_uploader_liked() -> None:
    assert logged(repacked(bytes)) == "signature"
    assert logged(repacked(lambda pem: pem.rstrip(b"\n"))) == "signature"
    assert logged(repacked(lambda pem: pem.replace(b"\n", b"\r\n"))) == "signature"


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda pem: b"x" + pem,
        lambda pem: pem + pem,
        lambda pem: pem.replace(b"CERTIFICATE", b"PUBLIC KEY"),
        lambda _: WORLD.authority.intermediate.public_bytes(Encoding.PEM),
        lambda pem: pem + WORLD.authority.intermediate.public_bytes(Encoding.PEM),
        lambda _: b"\xff" * 300_000,
    ],
)
def test_an_uploaded_pem_of_anything_else_is_a_mismatch(change: Any) -> None:
    assert logged(repacked(change)) == "log_entry_mismatch"


def test_an_uploaded_key_id_must_be_that_of_the_envelope() -> None:
    named = {"envelope": lambda document: document["signatures"][0].update(keyid="release")}
    assert logged(signature(keyid="release"), **named) == "signature"
    assert logged(signature(keyid="other"), **named) == "log_entry_mismatch"
    assert logged(signature(), **named) == "signature"
    accented = {"envelope": lambda document: document["signatures"][0].update(keyid="cl\u00e9")}
    assert logged(signature(keyid="cl\u00e9"), **accented) == "signature"
    assert logged(signature(keyid="")) == "signature"
    assert logged(signature(keyid=None)) == "log_entry_mismatch"
    assert logged(signature(keyid="release")) == "log_entry_mismatch"


def test_an_uploaded_payload_must_be_ours_twice_encoded() -> None:
    payloads: list[bytes] = []

    def keep(octets: bytes) -> bytes:
        payloads.append(octets)
        return octets

    def twice(body: Json) -> None:
        envelope(payload=b64(b64(payloads[-1]).encode()))(body)

    def once(body: Json) -> None:
        envelope(payload=b64(payloads[-1]))(body)

    assert logged(twice, payload=keep) == "signature"
    assert logged(once, payload=keep) == "log_entry_mismatch"
    assert logged(envelope(payload="")) == "log_entry_mismatch"
    assert logged(envelope(payload=None)) == "log_entry_mismatch"


@pytest.mark.parametrize("signatures", [[], None, {}, [1], [{}], [{"publicKey": 1}], [{"publicKey": "x"}], [{}, {}]])
def test_uploaded_signatures_of_another_form_are_a_mismatch(signatures: object) -> None:
    assert logged(envelope(signatures=signatures)) == "log_entry_mismatch"


@pytest.mark.parametrize("spec", [None, 1, [], {}, {"content": None}, {"content": {}}, {"content": {"envelope": 1}}])
def test_a_specification_of_another_form_is_a_mismatch(spec: object) -> None:
    assert logged(lambda body: body.update(spec=spec)) == "log_entry_mismatch"


def test_a_body_that_is_not_json_is_a_mismatch() -> None:
    own = WORLD.sign(INTOTO)
    for octets in (b"", b"{", b"[" * 100, b'{"a":1,"a":1}', b"\xff"):
        entry = own.enter(WORLD.log, INTOTO.body, proof=False, promise=False)
        entry["canonicalizedBody"] = b64(octets)
        promise = WORLD.log.sign_entry(octets, at=NOW, index=int(entry["logIndex"]))
        entry["inclusionPromise"] = {"signedEntryTimestamp": b64(promise)}
        assert verdict(own.item("0.1", entries=[entry])) == "log_entry_mismatch"


@pytest.mark.parametrize("kind", ENVELOPE_KINDS)
def test_the_entry_of_an_envelope_is_not_that_of_a_file(kind: str) -> None:
    body = WORLD.sign(Recipe()).enter(WORLD.log, kind)
    own = WORLD.sign(MESSAGE)
    assert verdict(own.item("0.3", entries=[body])) == "log_entry_mismatch"
    assert verdict(own.item("0.3", entries=[own.enter(WORLD.log, MESSAGE.body)])) == "signature"


@pytest.mark.parametrize("kind", ["hashedrekord 0.0.1", "rekord 0.0.1"])
def test_the_entry_of_a_file_is_not_that_of_an_envelope(kind: str) -> None:
    own = WORLD.sign(Recipe())
    assert verdict(own.item("0.3", entries=[own.enter(WORLD.log, kind)])) == "log_entry_mismatch"


@pytest.mark.parametrize("kind", ["dsse 0.0.1", "intoto 0.0.1"])
def test_an_entry_without_the_hash_of_an_envelope_is_a_mismatch(kind: str) -> None:
    def drop(body: Json) -> None:
        body["spec"].pop("envelopeHash", None)
        body["spec"].get("content", {}).pop("hash", None)

    assert verdict(WORLD.mint(replace(INTOTO, body=kind), body=drop)) == "log_entry_mismatch"


def test_a_kind_belongs_to_its_generation() -> None:
    own = WORLD.sign(Recipe())
    token = WORLD.tsa.stamp(own.stamped_octets("0.3"))
    new_kind = own.enter(WORLD.log, "hashedrekord 0.0.2")
    old_kind = own.enter(WORLD.tiles, "dsse 0.0.1")
    assert verdict(own.item("0.3", entries=[new_kind], tokens=[token])) == "log_entry_kind_unsupported"
    assert verdict(own.item("0.3", entries=[old_kind], tokens=[token])) == "log_entry_kind_unsupported"
    good = own.enter(WORLD.tiles, "hashedrekord 0.0.2")
    assert verdict(own.item("0.3", entries=[good], tokens=[token])) == "signature"


def test_a_log_of_the_second_generation_promises_nothing() -> None:
    recipe = Recipe(body="hashedrekord 0.0.2", stamped=True)
    promised = {"inclusionPromise": {"signedEntryTimestamp": "eA=="}, "integratedTime": "1772366400"}
    item = WORLD.mint(recipe, enter={"entry": lambda entry: entry.update(promised)})
    assert verdict(item) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe)) == "signature"


def test_a_promise_that_a_log_of_the_second_generation_really_signed_is_refused_too() -> None:
    recipe = Recipe(body="hashedrekord 0.0.2", stamped=True)

    def promise(entry: Json) -> None:
        body, index = base64.b64decode(entry["canonicalizedBody"]), int(entry["logIndex"])
        entry["integratedTime"] = str(int(NOW.timestamp()))
        entry["inclusionPromise"] = {"signedEntryTimestamp": b64(WORLD.tiles.sign_entry(body, at=NOW, index=index))}

    assert verdict(WORLD.mint(recipe, enter={"entry": promise})) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe)) == "signature"
