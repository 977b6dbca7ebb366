"""Trusted roots as they are written."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.trusted_root import TrustedRootDocument, parse_trusted_root
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.transparency import Json

WORLD = FakeSigstore()


def parse(edit: Callable[[Json], object] = lambda _: None) -> TrustedRootDocument:
    return parse_trusted_root(WORLD.trusted_root(edit=edit), limits=Limits())


def period(root: Json) -> Json:
    written: Json = root["tlogs"][0]["publicKey"]["validFor"]
    return written


def test_every_part_is_read() -> None:
    document = parse()
    counts = (document.logs, document.ct_logs, document.certificate_authorities, document.timestamp_authorities)
    assert [len(part) for part in counts] == [2, 1, 1, 1]
    assert document.logs[0].base_url == f"https://{WORLD.log.name}"
    assert document.logs[0].key_details == "PKIX_ECDSA_P256_SHA_256"
    assert len(document.certificate_authorities[0].certificates) == 2


def test_what_is_not_written_is_absent() -> None:
    def sparse(root: Json) -> None:
        for name in ("certificateAuthorities", "ctlogs", "timestampAuthorities"):
            root.pop(name)
        root["tlogs"][0]["publicKey"].pop("validFor")
        root["tlogs"][0].pop("baseUrl")

    document = parse(sparse)
    assert document.certificate_authorities == ()
    assert (document.logs[0].period.start, document.logs[0].base_url) == (None, "")


def test_a_client_trust_configuration_holds_a_root() -> None:
    media_type = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    root = json.loads(WORLD.trusted_root())
    octets = json.dumps({"mediaType": media_type, "trustedRoot": root, "signingConfig": {"any": 1}}).encode()
    assert parse_trusted_root(octets, limits=Limits()).logs == parse().logs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T14:00:00.5+02:00", datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123456000Z", datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123456001Z", datetime(2026, 3, 1, 12, 0, 0, 123_457, tzinfo=UTC)),
    ],
)
def test_a_start_is_never_earlier_than_written(text: str, expected: datetime) -> None:
    assert parse(lambda root: period(root).update(start=text)).logs[0].period.start == expected


def test_an_end_is_never_later_than_written() -> None:
    document = parse(lambda root: period(root).update(end="2026-03-01T12:00:00.123456999Z"))
    assert document.logs[0].period.end == datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


DEFECTS: dict[str, Callable[[Json], object]] = {
    "another media type": lambda root: root.update(mediaType="application/json"),
    "no media type": lambda root: root.pop("mediaType"),
    "an unknown member": lambda root: root.update(more=1),
    "an unknown member of a log": lambda root: root["tlogs"][0].update(more=1),
    "another hash": lambda root: root["tlogs"][0].update(hashAlgorithm="SHA2_384"),
    "a log without key": lambda root: root["tlogs"][0].pop("publicKey"),
    "a log without id": lambda root: root["tlogs"][0].pop("logId"),
    "a key in another spelling": lambda root: root["tlogs"][0]["publicKey"].update(rawBytes="a-_="),
    "an authority without certificate": lambda root: root["timestampAuthorities"][0]["certChain"].update(
        certificates=[]
    ),
    "a time without zone": lambda root: period(root).update(start="2026-03-01T12:00:00"),
    "a time that does not exist": lambda root: period(root).update(start="2026-02-30T12:00:00Z"),
    "a time before all others": lambda root: period(root).update(start="0001-01-01T00:00:00+14:00"),
    "more logs than anybody has": lambda root: root.update(tlogs=root["tlogs"] * 51),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_root_that_cannot_be_read_is_refused(defect: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(DEFECTS[defect])
    assert caught.value.code == "trusted_root_invalid"
    assert parse()


def test_a_root_beyond_the_limit_is_not_parsed() -> None:
    octets = WORLD.trusted_root()
    padded = octets + b" " * (1024 * 1024 - len(octets))
    assert parse_trusted_root(padded, limits=Limits())
    with pytest.raises(InvalidInput) as caught:
        parse_trusted_root(padded + b" ", limits=Limits())
    assert caught.value.code == "trusted_root_invalid"
