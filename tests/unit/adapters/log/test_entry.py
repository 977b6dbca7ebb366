from dataclasses import replace

import pytest

from assay.adapters.log.entry import EntryReader
from assay.adapters.log.wire import RecordRequest
from assay.domain.errors import InvalidInput
from tests.fakes.decision import denied
from tests.fakes.entry import compressed, request_for

REQUEST = request_for(denied())


def test_a_whole_request_is_an_entry() -> None:
    entry = EntryReader().read(REQUEST)
    assert entry.leaf.id == denied().id
    assert entry.findings == denied().findings
    assert (entry.document, entry.document.stream) == (denied().document, REQUEST.document)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(REQUEST, leaf=b"{}"), "leaf_malformed"),
        (replace(REQUEST, document=compressed(b"another")), "record_inconsistent"),
        (replace(REQUEST, document=denied().document.content()), "record_inconsistent"),
        (replace(REQUEST, report=compressed(b"{}")), "record_inconsistent"),
        (replace(REQUEST, salt=b"o" * 32), "record_inconsistent"),
        (replace(REQUEST, salt=b"short"), "record_inconsistent"),
        (replace(REQUEST, preimage=b"{}"), "record_inconsistent"),
    ],
)
def test_what_does_not_belong_together_is_not_recorded(request_: RecordRequest, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        EntryReader().read(request_)
    assert caught.value.code == code
