from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.certificate import (
    encode_certificate,
    parse_certificate,
    parse_certificate_text,
    read_signed_parts,
    render_certificate,
)
from assay.formats.der import read_elements
from assay.formats.pem import encode_pem
from tests.fakes.certificate import FakeCertificateAuthority, Leaf
from tests.fakes.der import sequence

FULCIO = FakeCertificateAuthority()
LEAF = FULCIO.issue(Leaf())
DER = LEAF.public_bytes(Encoding.DER)
PEM = LEAF.public_bytes(Encoding.PEM).decode()
CHAIN = "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in FULCIO.chain)


def code(parse: Callable[[], object]) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse()
    assert "the leaf" in caught.value.message
    return caught.value.code


def test_a_certificate_is_read_and_written_as_it_was() -> None:
    certificate = parse_certificate(DER, what="the leaf", limits=Limits())
    assert certificate == LEAF
    assert encode_certificate(certificate) == DER
    assert render_certificate(DER).decode() == PEM


@pytest.mark.parametrize("octets", [b"", b"x", DER[:-1], DER + b"\x00", b"\x30\x00"])
def test_what_is_no_certificate_is_malformed(octets: bytes) -> None:
    assert code(lambda: parse_certificate(octets, what="the leaf", limits=Limits())) == "bundle_malformed"


def test_a_certificate_beyond_the_limit_is_refused() -> None:
    assert parse_certificate(DER, what="the leaf", limits=Limits(token_octets=len(DER))) == LEAF
    small = Limits(token_octets=len(DER) - 1)
    assert code(lambda: parse_certificate(DER, what="the leaf", limits=small)) == "evidence_limit"


@pytest.mark.parametrize("text", [PEM, f"\n{PEM}", PEM.rstrip("\n"), PEM.replace("\n", "\r\n")])
def test_one_certificate_is_read_from_text(text: str) -> None:
    assert parse_certificate_text(text, what="the leaf", limits=Limits()) == (LEAF,)


def test_a_chain_is_read_in_its_order() -> None:
    assert parse_certificate_text(CHAIN, what="the leaf", limits=Limits(chain_certificates=2)) == FULCIO.chain
    one = Limits(chain_certificates=1)
    assert code(lambda: parse_certificate_text(CHAIN, what="the leaf", limits=one)) == "evidence_limit"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "x",
        "\ud800",
        PEM[:-2],
        f"{PEM}x",
        f"x{PEM}",
        encode_pem("PUBLIC KEY", DER).decode(),
        encode_pem("CERTIFICATE", b"x").decode(),
        PEM.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
    ],
)
def test_text_that_is_no_certificate_is_malformed(text: str) -> None:
    assert code(lambda: parse_certificate_text(text, what="the leaf", limits=Limits())) == "bundle_malformed"


def test_a_million_blocks_cost_nothing() -> None:
    text = "-----END CERTIFICATE-----" * 1_000_000
    assert code(lambda: parse_certificate_text(text, what="the leaf", limits=Limits())) == "evidence_limit"


def test_a_certificate_is_taken_apart_byte_for_byte() -> None:
    parts = read_signed_parts(DER)
    assert parts.signed == LEAF.tbs_certificate_bytes
    assert parts.issuer == LEAF.issuer.public_bytes()
    assert read_signed_parts(FULCIO.root.public_bytes(Encoding.DER)).subject == FULCIO.root.subject.public_bytes()
    assert int.from_bytes(parts.serial, "big") == LEAF.serial_number
    assert parts.algorithms[0] == parts.algorithms[1]


def test_the_first_version_of_certificates_names_no_version() -> None:
    third = read_elements(DER)[0].members()[0].members()
    first = sequence(sequence(*(member.raw for member in third[1:])), b"\x30\x00", b"\x03\x01\x00")
    assert read_signed_parts(first).issuer == read_signed_parts(DER).issuer


@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"\x30\x06\x30\x00\x30\x00\x03\x00", DER[:-1], DER + DER])
def test_what_is_no_certificate_cannot_be_taken_apart(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_signed_parts(octets)
    assert caught.value.code == "der_malformed"
