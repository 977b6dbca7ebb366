"""The provider: no bytes raise anything else than a refusal, and no key is allowed without a proof about it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.domain.provider import Purpose
from assay.domain.reference import Reference
from assay_webhooks.provider.item import tell
from assay_webhooks.provider.request import parse_provider_request
from tests.fakes.admission import DIGEST, OTHER_DIGEST, allowed, answer_to, denied
from tests.fakes.provider import PINNED, TAGGED, Provider, ScriptedProvider, request_for

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from([PINNED, TAGGED, f"{TAGGED}@{DIGEST}", f"registry.example/app@{OTHER_DIGEST}"]) | st.text()
ANSWERS = st.sampled_from(
    [
        answer_to((allowed(Reference.parse(PINNED)),)),
        answer_to((allowed(Reference.parse(TAGGED)),)),
        answer_to((denied(Reference.parse(PINNED)),)),
        InvalidInput("reference_malformed", "no", remedy="x"),
    ]
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_keys_or_refused(octets: bytes) -> None:
    try:
        keys = parse_provider_request(octets)
    except InvalidInput:
        return
    assert all(keys)


@given(st.dictionaries(st.sampled_from(["apiVersion", "kind", "request", "keys", "x"]), JSON, min_size=1))
def test_a_member_of_another_value_is_refused_or_changes_nothing(change: dict[str, object]) -> None:
    document = request_for(PINNED)
    try:
        parsed = parse_provider_request(json.dumps(document | change).encode())
    except InvalidInput:
        return
    assert parsed == (PINNED,)


@given(KEYS, st.sampled_from(Purpose), ANSWERS)
def test_an_allow_is_about_the_image_that_the_key_names(key: str, purpose: Purpose, answer: object) -> None:
    answers = {Reference.parse(text): answer for text in (PINNED, TAGGED)}
    told = tell(key, purpose, answers)  # type: ignore[arg-type]  # the strategy draws both kinds of answers
    assert told.item.key == key
    value = told.item.value
    if isinstance(value, str):
        assert value == f"{key.removesuffix(f'@{DIGEST}')}@{DIGEST}"
    elif value is not None and value["allow"] is True:
        assert key == PINNED
        assert value["digest"] == str(DIGEST)


@given(st.lists(st.text(min_size=1, max_size=40) | KEYS.filter(bool), min_size=1, max_size=8))
def test_every_key_has_exactly_one_item(keys: list[str]) -> None:
    items = Provider(engine=ScriptedProvider()).ask("mutate", *keys)["items"]
    assert [item["key"] for item in items] == list(dict.fromkeys(keys))
