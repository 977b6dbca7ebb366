import json
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE, STATEMENT_V01, STATEMENT_V1, Statement, Subject
from assay.formats.statement import parse_statement, render_statement

DIGEST = Digest.of(b"image")
STATEMENT: dict[str, Any] = {
    "_type": STATEMENT_V1,
    "subject": [{"digest": {"sha256": DIGEST.hex}}],
    "predicateType": "https://example.test/v1",
    "predicate": {"a": 1},
}


def parse(**changes: object) -> Statement:
    return parse_statement(json.dumps(STATEMENT | changes).encode(), limits=Limits(subjects=3))


def refusal(**changes: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse(**changes)
    return caught.value.code


@pytest.mark.parametrize("version", [STATEMENT_V1, STATEMENT_V01])
def test_a_statement_of_a_known_version_is_read(version: str) -> None:
    statement = parse(_type=version)
    assert statement.predicate_type == "https://example.test/v1"
    assert statement.predicate == {"a": 1}
    assert statement.digests == (DIGEST,)


def test_a_subject_may_have_every_member_of_a_resource_descriptor() -> None:
    subject = {
        "name": "n",
        "uri": "u",
        "content": "",
        "downloadLocation": "",
        "mediaType": "m",
        "annotations": {"b": "2", "a": "1", "c": 3},
        "digest": {"sha256": DIGEST.hex, "sha512": "x"},
    }
    assert parse(subject=[subject]).subjects == (
        Subject(digest=DIGEST, name="n", annotations=(("a", "1"), ("b", "2"))),
    )


@pytest.mark.parametrize(
    "digests",
    [
        {},
        {"sha1": DIGEST.hex},
        {"sha512": DIGEST.hex},
        {"sha256": DIGEST.hex.upper()},
        {"sha256": str(DIGEST)},
        {"sha256": DIGEST.hex + "\n"},
        {"SHA256": DIGEST.hex},
    ],
)
def test_only_sha256_in_lower_case_hex_counts(digests: dict[str, str]) -> None:
    assert parse(subject=[{"name": "n", "digest": digests}]).digests == ()


@pytest.mark.parametrize("subject", [[], None, [None], ["x"], {}, [{"digest": {"sha256": 1}}], [{"digest": []}]])
def test_no_subject_or_one_of_another_type_is_refused(subject: object) -> None:
    assert refusal(subject=subject) == "bundle_malformed"


@pytest.mark.parametrize("member", ["name", "uri", "content", "downloadLocation", "mediaType", "annotations", "x"])
def test_a_subject_with_a_wrong_or_unknown_member_is_refused(member: str) -> None:
    assert refusal(subject=[{"digest": {"sha256": DIGEST.hex}, member: 1}]) == "bundle_malformed"


def test_one_subject_beyond_the_limit_is_its_own_code() -> None:
    subject = {"digest": {"sha256": DIGEST.hex}}
    assert len(parse(subject=[subject] * 3).subjects) == 3
    assert refusal(subject=[subject] * 4) == "evidence_limit"


@pytest.mark.parametrize("version", ["https://in-toto.io/Statement/v9", "", "https://in-toto.io/Statement/v1 "])
def test_another_statement_type_is_a_type_mismatch(version: str) -> None:
    assert refusal(_type=version) == "predicate_type_mismatch"


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": None},
        {"_type": 1},
        {"predicateType": None},
        {"predicateType": ""},
        {"predicateType": []},
        {"predicate": None},
        {"predicate": []},
        {"predicate": "x"},
        {"unknown": 1},
    ],
)
def test_a_missing_wrong_or_unknown_member_is_refused(changes: dict[str, object]) -> None:
    assert refusal(**changes) == "bundle_malformed"


def test_an_image_signature_may_leave_its_predicate_out() -> None:
    assert parse(predicateType=IMAGE_SIGNATURE, predicate=None).predicate == {}


def test_a_duplicate_key_in_the_predicate_is_refused() -> None:
    octets = json.dumps(STATEMENT).replace('{"a": 1}', '{"a": 1, "a": 2}').encode()
    with pytest.raises(InvalidInput) as caught:
        parse_statement(octets, limits=Limits())
    assert caught.value.code == "bundle_malformed"


def test_a_rendered_statement_is_canonical_and_read_back() -> None:
    subjects = (Subject(digest=DIGEST, name="n", annotations=(("a", "1"),)), Subject(digest=None))
    statement = Statement(predicate_type="t", subjects=subjects, predicate={"b": [1.5], "a": "é"})
    rendered = render_statement(statement)
    assert rendered.startswith(b'{"_type":"https://in-toto.io/Statement/v1","predicate":{"a":"\xc3\xa9","b":[1.5]}')
    assert parse_statement(rendered, limits=Limits()) == statement


@pytest.mark.parametrize("value", [2**60, float("nan"), object(), "\ud800", {1: 2}])
def test_a_predicate_without_canonical_form_is_refused(value: object) -> None:
    statement = Statement(predicate_type="t", subjects=(Subject(digest=DIGEST),), predicate={"a": value})
    with pytest.raises(InvalidInput) as caught:
        render_statement(statement)
    assert caught.value.code == "predicate_malformed"
