import zlib
from dataclasses import replace

import pytest

from assay.adapters.log import entry as entry_module
from assay.adapters.log.entry import compress, decompress, read_entry
from assay.adapters.log.wire import RecordRequest
from assay.domain.errors import InvalidInput
from tests.fakes.decision import denied
from tests.fakes.entry import request_for

REQUEST = request_for(denied())


def test_a_whole_request_is_an_entry() -> None:
    entry = read_entry(REQUEST)
    assert entry.leaf.id == denied().id
    assert entry.findings == denied().findings
    assert entry.document.size == len(denied().document)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(REQUEST, leaf=b"{}"), "leaf_malformed"),
        (replace(REQUEST, document=compress(b"another")), "record_inconsistent"),
        (replace(REQUEST, document=denied().document), "record_inconsistent"),
        (replace(REQUEST, report=compress(b"{}")), "record_inconsistent"),
        (replace(REQUEST, salt=b"o" * 32), "record_inconsistent"),
        (replace(REQUEST, salt=b"short"), "record_inconsistent"),
        (replace(REQUEST, preimage=b"{}"), "record_inconsistent"),
    ],
)
def test_what_does_not_belong_together_is_not_recorded(request_: RecordRequest, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_entry(request_)
    assert caught.value.code == code


def test_only_a_whole_stream_is_content(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = zlib.compress(b"content")
    assert decompress(stream) == b"content"
    assert decompress(stream[:-1]) is None
    assert decompress(stream + b"more") is None
    assert decompress(b"no stream") is None
    monkeypatch.setattr(entry_module, "LARGEST_DOCUMENT", 3)
    assert decompress(stream) is None
