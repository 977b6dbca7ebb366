import json

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.signing_rule import PermittedMessage, SigningRule
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.dsse import pae
from assay.usecases.permit import permit
from tests.fakes.oci import image
from tests.fakes.signer_process import (
    BUILDER,
    IMAGE,
    LEGACY,
    MANIFESTS,
    RULE,
    provenance_message,
    simple_signing_message,
    statement_message,
)


def refusal(message: bytes, rule: SigningRule = RULE) -> str:
    with pytest.raises(InvalidInput) as caught:
        permit(message, rule, limits=Limits())
    assert caught.value.code == "signing_refused"
    return caught.value.message


def test_a_statement_of_an_allowed_type_is_described() -> None:
    message = statement_message()
    assert permit(message, RULE, limits=Limits()) == PermittedMessage(
        digest=Digest.of(message), kind="statement", predicate_type=IMAGE_SIGNATURE, subjects=(IMAGE,)
    )


def test_provenance_of_an_allowed_builder_is_described() -> None:
    assert permit(provenance_message(), RULE, limits=Limits()).builder == BUILDER


@pytest.mark.parametrize("builder", ["https://builder.test/other", "", f"{BUILDER}/"])
def test_provenance_of_another_builder_is_refused(builder: str) -> None:
    assert "builder" in refusal(provenance_message(builder))


def test_provenance_that_names_no_builder_or_cannot_be_read_is_refused() -> None:
    assert refusal(provenance_message().replace(b'"runDetails"', b'"runDetailz"'))


@pytest.mark.parametrize("predicate_type", ["https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2"])
def test_another_predicate_type_is_refused(predicate_type: str) -> None:
    assert predicate_type in refusal(statement_message(predicate_type))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        Digest.of(b"x").octets,
        b"DSSEv1 nonsense",
        pae("text/plain", b"{}"),
        pae("application/vnd.in-toto+json", b"{}"),
        statement_message() + b" ",
        statement_message()[:-1],
        simple_signing_message(),
        image(),
    ],
)
def test_what_is_no_statement_is_refused_where_statements_alone_are_signed(message: bytes) -> None:
    assert refusal(message)


def test_a_legacy_signature_is_signed_where_it_is_allowed() -> None:
    permitted = permit(simple_signing_message(), LEGACY, limits=Limits())
    assert (permitted.kind, permitted.subjects) == ("simple signing", (IMAGE,))
    assert refusal(simple_signing_message("something else"), LEGACY)
    assert refusal(statement_message(), LEGACY)
    assert refusal(image(), LEGACY)


def test_a_manifest_is_signed_where_it_is_allowed() -> None:
    permitted = permit(image(), MANIFESTS, limits=Limits())
    assert (permitted.kind, permitted.digest) == ("manifest", Digest.of(image()))
    assert permitted.subjects == (permitted.digest,)
    assert refusal(json.dumps({"schemaVersion": 1}).encode(), MANIFESTS)
    assert refusal(simple_signing_message(), MANIFESTS)


def test_a_rule_that_allows_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="allows nothing"):
        SigningRule()
