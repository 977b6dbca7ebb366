"""Whatever a signing config or a log's answer says: a value, or the one typed refusal."""

import json
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.signing_config import parse_signing_config
from assay.verification.log_submission import parse_entry
from tests.property.test_evidence_parsers import JSON

SERVICE = st.fixed_dictionaries(
    {"url": st.just("https://a.test") | JSON},
    optional={"majorApiVersion": JSON, "validFor": JSON, "operator": JSON},
)
CONFIG = st.fixed_dictionaries(
    {"mediaType": st.just("application/vnd.dev.sigstore.signingconfig.v0.2+json")},
    optional={"rekorTlogUrls": st.lists(SERVICE, max_size=3) | JSON, "rekorTlogConfig": JSON, "tsaConfig": JSON},
)
PROOF = st.fixed_dictionaries({}, optional={"hashes": JSON, "rootHash": JSON, "checkpoint": JSON, "treeSize": JSON})
ENTRY = st.fixed_dictionaries(
    {"body": st.just("e30=") | JSON, "logID": st.just("00") | JSON},
    optional={
        "logIndex": JSON,
        "verification": st.fixed_dictionaries({"signedEntryTimestamp": JSON, "inclusionProof": PROOF}) | JSON,
    },
)


@given(CONFIG | JSON)
def test_a_signing_config_is_read_or_refused(document: object) -> None:
    with suppress(InvalidInput):
        assert parse_signing_config(json.dumps(document).encode(), limits=Limits()) is not None


@pytest.mark.parametrize("version", [1, 2])
@given(document=st.dictionaries(st.text(max_size=3), ENTRY, max_size=2) | JSON, octets=st.binary(max_size=20))
def test_an_answer_of_a_log_is_read_or_refused(version: int, document: object, octets: bytes) -> None:
    for answer in (json.dumps(document).encode(), octets):
        with suppress(InvalidInput):
            assert parse_entry(answer, version=version, limits=Limits()) is not None
