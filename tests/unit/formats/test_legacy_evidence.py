from dataclasses import replace
from typing import Any

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.evidence import EvidenceItem
from assay.domain.limit import Limits
from assay.formats.dsse import Envelope
from assay.formats.legacy_evidence import parse_legacy_attestation, parse_legacy_signature
from assay.formats.untrusted_evidence import SignedPayload, UntrustedEvidence
from tests.fakes.sigstore import FakeSigstore, Recipe

WORLD = FakeSigstore()
SIGNATURE = WORLD.mint(Recipe(shape="sig", body="hashedrekord 0.0.1", stamped=True))
ATTESTATION = WORLD.mint(Recipe(shape="att", body="dsse 0.0.1", stamped=True))


def read(item: EvidenceItem, limits: Limits | None = None) -> UntrustedEvidence | str:
    parse = parse_legacy_attestation if item.shape == ATTESTATION.shape else parse_legacy_signature
    try:
        return parse(item, limits=limits or Limits())
    except InvalidInput as error:
        return error.code


def test_a_signature_layer_is_read_with_its_annotations() -> None:
    evidence = read(SIGNATURE)
    assert isinstance(evidence, UntrustedEvidence)
    assert isinstance(evidence.content, SignedPayload)
    assert evidence.content.untrusted_payload == SIGNATURE.content
    assert evidence.stamped == evidence.content.signature
    assert (len(evidence.log_entries), len(evidence.timestamps)) == (1, 1)
    assert evidence.certificates[1:] == WORLD.authority.chain[:1]


def test_an_attestation_layer_is_read_and_its_stamp_covers_all_of_it() -> None:
    evidence = read(ATTESTATION)
    assert isinstance(evidence, UntrustedEvidence)
    assert isinstance(evidence.content, Envelope)
    assert evidence.stamped == evidence.content.octets == ATTESTATION.content
    assert (evidence.format, evidence.log_entries[0].kind) == ("cosign", "dsse")


@pytest.mark.parametrize("item", [SIGNATURE, ATTESTATION])
def test_an_empty_annotation_is_none(item: EvidenceItem) -> None:
    evidence = read(replace(item, certificate="", chain="", bundle="", rfc3161timestamp=""))
    assert isinstance(evidence, UntrustedEvidence)
    assert (evidence.certificates, evidence.log_entries, evidence.timestamps) == ((), (), ())


@pytest.mark.parametrize("item", [SIGNATURE, ATTESTATION])
def test_a_chain_without_a_certificate_is_malformed(item: EvidenceItem) -> None:
    assert read(replace(item, certificate="")) == "bundle_malformed"
    assert isinstance(read(replace(item, chain="")), UntrustedEvidence)


@pytest.mark.parametrize("name", ["certificate", "chain", "bundle", "rfc3161timestamp"])
@pytest.mark.parametrize("text", ["x", "{}", "[]", "\ud800", "\x00", "null"])
def test_an_annotation_of_another_form_is_malformed(name: str, text: str) -> None:
    changes: dict[str, Any] = {name: text}
    assert read(replace(SIGNATURE, **changes)) == "bundle_malformed"


def test_there_is_one_certificate_of_the_signer() -> None:
    twice = replace(SIGNATURE, certificate=SIGNATURE.certificate * 2)
    assert read(twice) == "bundle_malformed"


def test_certificate_and_chain_together_stay_below_the_limit() -> None:
    assert isinstance(read(SIGNATURE, Limits(chain_certificates=2)), UntrustedEvidence)
    assert read(SIGNATURE, Limits(chain_certificates=1)) == "evidence_limit"
