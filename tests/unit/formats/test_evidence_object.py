import pytest

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject

KNOWN = frozenset({"a", "b"})


def reading(**members: object) -> EvidenceObject:
    return EvidenceObject.of(members, what="it", known=KNOWN)


def test_an_absent_member_and_null_are_the_same() -> None:
    for place in (reading(), reading(a=None)):
        assert not place.has("a")
        assert place.text("a", default="x") == "x"
        assert place.octets("a", default=b"x") == b"x"
        assert place.items("a", most=0) == []
        assert place.mapping("a") == {}
        assert place.natural("a") == 0


def test_members_are_read_as_what_they_are() -> None:
    assert reading(a="text").text("a") == "text"
    assert reading(a="eA==").octets("a", default=b"") == b"x"
    assert reading(a=[1, 2]).items("a", most=2) == [1, 2]
    assert reading(a={"c": 1}).mapping("a") == {"c": 1}
    assert reading(a={"c": "x"}).section("a", known={"c"}).text("c") == "x"


@pytest.mark.parametrize("value", [0, 7, "7", "007", 2**63 - 1, str(2**63 - 1)])
def test_a_natural_number_is_read_from_number_and_text(value: object) -> None:
    assert reading(a=value).natural("a") == int(str(value))


@pytest.mark.parametrize("value", [True, -1, "-1", 2**63, str(2**63), "9" * 30, "", "x", "٣", 1.5, [], {}])
def test_what_is_no_natural_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        reading(a=value).natural("a")
    assert caught.value.code == "bundle_malformed"
    assert caught.value.message.startswith("it.a: ")


@pytest.mark.parametrize("value", [1, True, [], {}])
def test_another_type_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"it\.a: a string is expected"):
        reading(a=value).text("a")
    with pytest.raises(InvalidInput, match=r"it\.a: a string is expected"):
        reading(a=value).octets("a")


def test_a_list_an_object_and_a_section_have_their_types() -> None:
    with pytest.raises(InvalidInput, match="a list is expected"):
        reading(a={}).items("a", most=1)
    with pytest.raises(InvalidInput, match="an object is expected"):
        reading(a=[]).mapping("a")
    with pytest.raises(InvalidInput, match="an object is expected"):
        reading().section("a", known=KNOWN)


def test_an_unknown_member_is_refused_even_when_it_is_null() -> None:
    with pytest.raises(InvalidInput) as caught:
        reading(c=None)
    assert caught.value.code == "bundle_malformed"


def test_one_item_beyond_the_limit_is_its_own_code() -> None:
    with pytest.raises(InvalidInput) as caught:
        reading(a=[1, 2, 3]).items("a", most=2)
    assert caught.value.code == "evidence_limit"


@pytest.mark.parametrize(
    ("octets", "code"), [(b'{"a":1}', ""), (b'{"a":1', "bundle_malformed"), (b'{"a":"xxxxxxxx"}', "evidence_limit")]
)
def test_the_codes_of_strict_json_become_those_of_evidence(octets: bytes, code: str) -> None:
    limits = Limits(blob_octets=10)
    if not code:
        assert EvidenceObject.parse(octets, what="it", known=KNOWN, limits=limits).natural("a") == 1
        return
    with pytest.raises(InvalidInput) as caught:
        EvidenceObject.parse(octets, what="it", known=KNOWN, limits=limits)
    assert caught.value.code == code


def test_a_long_text_is_read_where_bytes_are_expected_and_nowhere_else() -> None:
    assert reading(a=b"decoded").octets("a") == b"decoded"
    with pytest.raises(InvalidInput, match=r"it\.a: it is longer") as caught:
        reading(a=b"decoded").text("a")
    assert caught.value.code == "evidence_limit"
    for refuse in (reading(a=[b"x"]).octets_list, reading(a=b"x").items):
        with pytest.raises(InvalidInput) as caught:
            refuse("a", most=9)
        assert caught.value.code == "bundle_malformed"


def read_unsigned(octets: bytes, *, structure: int | None = 100_000) -> str:
    try:
        EvidenceObject.parse(octets, what="it", known=KNOWN, limits=Limits(), structure=structure)
    except InvalidInput as error:
        return error.code
    return ""


def test_what_nobody_signed_has_little_besides_long_base64() -> None:
    three = 3 * 1024 * 1024
    for blanks, expected in ((three, ""), (three + 1, "evidence_limit")):
        assert read_unsigned(b"{}".rjust(blanks)) == expected
        assert read_unsigned(b"{}".rjust(blanks), structure=None) == ""
    assert read_unsigned(b'{"a":"' + b"QUJD" * 1_000_000 + b'"}') == ""


def test_what_is_larger_than_the_limit_is_not_read() -> None:
    assert read_unsigned(b'{"a":"' + b"QUJD" * (4 * 1024 * 1024) + b'"}') == "evidence_limit"
