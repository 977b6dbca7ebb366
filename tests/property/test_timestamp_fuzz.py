"""Mutated timestamp tokens: what is accepted here, rfc3161-client accepts too, and nothing but the typed rejection."""

import hashlib
import os
import random
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.x509 import InvalidVersion
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.der import read_elements
from assay.verification.timestamp import verify_timestamps
from tests.fakes.certificate import NOW
from tests.fakes.der_mutation import DerMutator, parse, render
from tests.fakes.judge import WORLD, trust

COUNT = int(os.environ.get("ASSAY_FUZZ_TOKENS", "2000"))
SEED = int(os.environ.get("ASSAY_FUZZ_SEED", "1"))
MESSAGE = b"signature"
ROOT = trust()


class TokenMutator(DerMutator):
    """Breaks one element of a token, its content or its attributes, and signs what is signed."""

    def next(self) -> bytes:
        # Certificates beside the configured one are never looked at here; the other implementation decodes them.
        embedded = self._random.choice(((), (WORLD.tsa.leaf,)))
        if self._random.random() < 0.4:
            return self.mutate(WORLD.tsa.stamp(MESSAGE, embedded=embedded))
        where = self._random.choice(("content", "attributes", "signers"))
        parts: dict[str, Any] = {where: self.mutate}
        return WORLD.tsa.stamp(MESSAGE, embedded=embedded, **parts)


def ours(token: bytes) -> bool:
    try:
        verify_timestamps([token], MESSAGE, ROOT)
    except EvidenceRejected:
        return False
    return True


def theirs(token: bytes) -> bool:
    verifier = VerifierBuilder(tsa_certificate=WORLD.tsa.leaf, roots=[WORLD.tsa.root]).build()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response = decode_timestamp_response(token)
            name = {64: "sha512", 48: "sha384"}.get(len(response.tst_info.message_imprint.message), "sha256")
            verifier.verify(response, hashlib.new(name, MESSAGE).digest())
    except (VerificationError, ValueError, TypeError, KeyError, OverflowError, InvalidVersion):
        return False
    return True


def test_no_mutated_token_is_accepted_that_another_implementation_refuses() -> None:
    mutator, seen = TokenMutator(random.Random(SEED)), Counter[tuple[bool, bool]]()  # noqa: S311  # repeatable on purpose
    for _ in range(COUNT):
        token = mutator.next()
        verdicts = ours(token), theirs(token)
        assert verdicts != (True, False), token.hex()
        seen[verdicts] += 1
    print({f"ours {mine}, theirs {other}": count for (mine, other), count in seen.items()})  # noqa: T201


PLAIN: list[dict[str, Any]] = [
    {},
    {"hash_name": "sha384"},
    {"hash_name": "sha512"},
    {"embedded": WORLD.tsa.chain},
    {"embedded": (WORLD.tsa.leaf,)},
    {"serial": 2**120},
    {"at": NOW.replace(year=2027)},
]


@pytest.mark.parametrize("parts", PLAIN, ids=str)
def test_a_plain_token_is_accepted_by_both(parts: dict[str, Any]) -> None:
    token = WORLD.tsa.stamp(MESSAGE, **parts)
    assert (ours(token), theirs(token)) == (True, True)


def _without(number: int) -> Callable[[bytes], bytes]:
    return lambda octets: render([node for place, node in enumerate(parse(octets)) if place != number])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_token_without_any_one_signed_attribute_is_refused(number: int) -> None:
    assert not ours(WORLD.tsa.stamp(MESSAGE, attributes=_without(number)))


@pytest.mark.parametrize(
    "spelling", ["0200", "02020001", "0202ffff", "0600", "06022a80", "06032a8001", "3080", "300180"]
)
def test_a_value_that_is_not_in_its_shortest_form_is_refused(spelling: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        [element.members() for element in read_elements(bytes.fromhex(spelling))]
    assert caught.value.code == "der_malformed"


@pytest.mark.parametrize("spelling", ["020100", "02020080", "0202ff7f", "02017f", "06012a", "06032a8101", "3000"])
def test_a_value_in_its_shortest_form_is_read(spelling: str) -> None:
    (element,) = read_elements(bytes.fromhex(spelling))
    assert element.raw.hex() == spelling


def test_a_token_with_two_signers_or_none_is_refused() -> None:
    assert not ours(WORLD.tsa.stamp(MESSAGE, signers=lambda signer: signer + signer))
    assert not ours(WORLD.tsa.stamp(MESSAGE, signers=lambda _: b""))
