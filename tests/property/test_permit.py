"""A signer process signs what its rule allows, and nothing that looks like it."""

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.signing_rule import SigningRule
from assay.formats.dsse import pae, parse_pae
from assay.usecases.permit import permit
from tests.fakes.signer_process import RULE, statement_message

GOOD = statement_message()


def allowed(message: bytes, rule: SigningRule = RULE) -> bool:
    try:
        permit(message, rule, limits=Limits())
    except InvalidInput as error:
        if error.code != "signing_refused":
            raise
        return False
    return True


@given(st.text(max_size=40), st.binary(max_size=200))
def test_every_signed_form_is_read_back_as_it_was_written(kind: str, payload: bytes) -> None:
    assert parse_pae(pae(kind, payload)) == (kind, payload)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_with_one_code(octets: bytes) -> None:
    assert not allowed(octets)
    assert not allowed(b"DSSEv1 " + octets)


@given(st.integers(min_value=0, max_value=len(GOOD) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_refused_or_changes_only_what_may_change(place: int, change: int) -> None:
    changed = GOOD[:place] + bytes([GOOD[place] ^ change]) + GOOD[place + 1 :]
    assert allowed(GOOD)
    if allowed(changed):
        assert parse_pae(changed)[0] == parse_pae(GOOD)[0]
        permitted = permit(changed, RULE, limits=Limits())
        assert permitted.predicate_type in RULE.predicate_types


@given(st.integers(min_value=0, max_value=len(GOOD) - 1))
def test_the_beginning_of_a_message_is_refused(length: int) -> None:
    assert not allowed(GOOD[:length])
