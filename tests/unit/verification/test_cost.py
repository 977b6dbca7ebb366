"""What evidence of somebody whom nobody trusts can make a verification cost: memory is counted, time is not.

Figures are those of `python -m benchmarks verification`.
"""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE
from assay.verification.identity import IdentityPattern
from assay.verification.text_pattern import TextPattern
from tests.fakes.certificate import ISSUER, private_key
from tests.fakes.judge import ACME, ROOT, WORLD, Judge, judge
from tests.fakes.sigstore import Recipe

MIB = 1024 * 1024
MOST = 32_000_000
NOBODY = Authority(
    name="nobody",
    identities=(IdentityPattern(issuer=TextPattern(exact=ISSUER), san=TextPattern(exact="https://nobody.test")),),
    root=ROOT,
)


def text(octets: bytes) -> EvidenceItem:
    return EvidenceItem(shape=EvidenceShape.BUNDLE, content=octets)


def wide(character: bytes) -> EvidenceItem:
    return text(b'["' + character + b"x" * (16 * MIB - 32) + b'"]')


def predicate(value: object, **more: Any) -> EvidenceItem:
    return WORLD.mint(Recipe(), statement=lambda statement: statement.update(predicate={"x": value}), **more)


def large_entry() -> EvidenceItem:
    recipe = Recipe(shape="0.1", content="message", body="hashedrekord 0.0.1")
    return WORLD.mint(recipe, body=lambda body: body["spec"].update(x="x" * (8 * MIB)))


INPUTS: dict[str, tuple[Callable[[], EvidenceItem], str]] = {
    "a wide character": (lambda: wide("\U0001f600".encode()), "evidence_limit"),
    "a wide escape": (lambda: wide(b"\\ud83d\\ude00"), "evidence_limit"),
    "wide text as long as may be": (lambda: text(('["' + "\U0001f600" * 786_000 + '"]').encode()), "bundle_malformed"),
    "commas": (lambda: text(b"[" + b"," * (16 * MIB - 2) + b"]"), "evidence_limit"),
    "blanks": (lambda: text(b"{}".rjust(16 * MIB)), "evidence_limit"),
    "members": (lambda: text(b'{"a":[' + b"{}," * 49_998 + b"0]}"), "bundle_malformed"),
    "a payload": (lambda: predicate("x" * (11 * MIB)), "identity_mismatch"),
    "a payload that was not signed": (
        lambda: predicate("x" * (11 * MIB), signer=private_key("another", "p256")),
        "signature_invalid",
    ),
    "values": (lambda: predicate([1] * 1_000_000), "identity_mismatch"),
    "a log entry": (large_entry, "evidence_limit"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_no_input_takes_more_memory_than_allowed(name: str) -> None:
    mint, expected = INPUTS[name]
    item, stranger = mint(), judge(authorities=[NOBODY])
    assert len(item.content) <= Limits().blob_octets
    tracemalloc.start()
    verdict = stranger.verdict(item)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert verdict == expected
    assert peak < MOST


def cramped(*authorities: Authority, **limits: int) -> Judge:
    return judge(authorities=authorities, limits=Limits(**limits))


def test_of_a_stranger_no_more_is_read_than_of_an_unsigned_document() -> None:
    long = predicate([1] * 100)
    assert cramped(NOBODY, bundle_structure=100).verdict(long) == "identity_mismatch"
    assert cramped(ACME, bundle_structure=100).verdict(long) == "signature"
    assert cramped(ACME, json_structure=100).verdict(long) == "evidence_limit"


@pytest.mark.parametrize("count", [1, 200])
def test_what_is_wrong_with_a_strangers_statement_is_the_reason_while_it_is_short(count: int) -> None:
    other = predicate([1] * count, manifest=b"another image")
    expected = "subject_mismatch" if count == 1 else "identity_mismatch"
    assert cramped(NOBODY, bundle_structure=150).verdict(other) == expected
    assert cramped(ACME, bundle_structure=150).verdict(other) == "subject_mismatch"


def test_a_strangers_payload_that_is_no_statement_is_malformed() -> None:
    garbage = WORLD.mint(Recipe(), payload=lambda _: b"[]")
    assert cramped(NOBODY).verdict(garbage) == "bundle_malformed"
    assert cramped(ACME).verdict(garbage) == "bundle_malformed"
    assert cramped(ACME).verdict(WORLD.mint(Recipe())) == "signature"


def test_a_strangers_image_signature_in_the_place_of_an_attestation_is_told_as_that() -> None:
    misplaced = WORLD.mint(Recipe(shape="att"), predicate_type=IMAGE_SIGNATURE)
    assert cramped(NOBODY).verdict(misplaced) == cramped(ACME).verdict(misplaced) == "predicate_type_mismatch"
    assert cramped(NOBODY).verdict(WORLD.mint(Recipe(), predicate_type=IMAGE_SIGNATURE)) == "identity_mismatch"


def test_a_long_payload_verifies_like_a_short_one() -> None:
    assert judge(authorities=[ACME]).verdict(predicate("x" * 500_000)) == "signature"
