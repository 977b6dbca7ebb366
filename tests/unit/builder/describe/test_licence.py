import json
import time

import pytest

from assay.domain.errors import ConfigError
from assay_builder.composition import load_licence_texts
from assay_builder.describe.licence import NOASSERTION, detect_licence, licence_file_names, read_legal_texts
from assay_builder.describe.licence_text import LicenceTexts, find_licence, parse_licence_texts
from assay_builder.module_zip import ModuleZip
from tests.fakes.build import LIBRARY, pack_module

TEXTS = load_licence_texts()
MIT = """The MIT License (MIT)

Copyright (c) 2024 The Example Authors. All rights reserved.

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
EVIL = "The Software shall be used for Good, not Evil.\n"


def shipped_text(identifier: str) -> str:
    from importlib import resources

    document = json.loads((resources.files("assay_builder.licence_texts") / "licences.json").read_bytes())
    return next(str(item["text"]) for item in document["licences"] if item["id"] == identifier)


def test_a_usual_text_is_recognised() -> None:
    assert find_licence(MIT, TEXTS).convincing
    assert detect_licence({"LICENSE": MIT.encode()}, TEXTS).expression == "MIT"


@pytest.mark.parametrize("identifier", ["Apache-2.0", "BSD-3-Clause", "GPL-3.0-only", "ISC", "MPL-2.0", "JSON"])
def test_every_shipped_text_is_its_own_licence(identifier: str) -> None:
    assert detect_licence({"COPYING": shipped_text(identifier).encode()}, TEXTS).expression == identifier


def test_one_added_sentence_makes_another_licence() -> None:
    changed = MIT.replace("THE SOFTWARE IS", f"{EVIL}\nTHE SOFTWARE IS")
    assert detect_licence({"LICENSE": changed.encode()}, TEXTS).expression == "JSON"


def test_a_sentence_added_to_a_long_licence_is_a_gap() -> None:
    added = " You may not use this work for anything that the author would not like to be used for at all, ever."
    changed = shipped_text("Apache-2.0").replace("END OF TERMS", f"{added} END OF TERMS")
    likeness = find_licence(changed, TEXTS)
    assert (likeness.id, likeness.score > 0.98, likeness.convincing) == ("Apache-2.0", True, False)


def test_a_licence_without_its_appendix_is_recognised() -> None:
    terms, end, _ = shipped_text("Apache-2.0").partition("END OF TERMS AND CONDITIONS")
    assert detect_licence({"LICENSE": (terms + end).encode()}, TEXTS).expression == "Apache-2.0"


def test_what_is_not_recognised_is_a_gap_and_nothing_is_claimed() -> None:
    detected = detect_licence({"LICENSE": MIT.encode(), "COPYING.other": b"all yours"}, TEXTS)
    assert detected.expression == NOASSERTION
    assert "COPYING.other: no known licence" in detected.gaps[0]


def test_no_licence_file_is_a_gap() -> None:
    detected = detect_licence({"NOTICE": MIT.encode()}, TEXTS)
    assert (detected.expression, detected.gaps) == (NOASSERTION, ("there is no licence file",))


@pytest.mark.parametrize("hostile", ["\n" * 400_000, "(c) " * 100_000, "neither the name of " * 20_000])
def test_a_hostile_text_costs_little(hostile: str) -> None:
    before = time.process_time()
    assert not find_licence(hostile, TEXTS).convincing
    assert time.process_time() - before < 5


def test_conditions_in_the_copyright_line_count() -> None:
    changed = MIT.replace("All rights reserved.", "All rights reserved. " + "You must send one bitcoin to us. " * 6)
    assert detect_licence({"LICENSE": changed.encode()}, TEXTS).expression == NOASSERTION


def test_a_text_that_is_too_large_is_not_claimed() -> None:
    assert detect_licence({"LICENSE": MIT.encode() + b"\n" * 600_000}, TEXTS).expression == NOASSERTION


def test_several_licences_mean_all_of_them() -> None:
    files = {"LICENSE": MIT.encode(), "third/LICENSE": shipped_text("ISC").encode()}
    assert detect_licence(files, TEXTS).expression == "ISC AND MIT"


def test_legal_texts_cover_linked_folders_and_those_above_them() -> None:
    names = ["LICENSE", "a/b/COPYING.txt", "a/LICENCE.md", "c/LICENSE", "a/b/license.go", "NOTICE", "a/b/x.go"]
    assert licence_file_names(names, ["a/b"]) == ("LICENSE", "NOTICE", "a/LICENCE.md", "a/b/COPYING.txt")


def test_legal_texts_are_read_from_the_module() -> None:
    archive = ModuleZip(pack_module(LIBRARY, {"LICENSE": b"text", "a.go": b""}), prefix=LIBRARY.prefix)
    assert read_legal_texts(archive, [""]) == {"LICENSE": b"text"}


def test_nothing_is_like_an_empty_text() -> None:
    assert not find_licence("", LicenceTexts(origin="", pairs=())).convincing


@pytest.mark.parametrize(
    "octets", [b"x", b'{"origin": "x", "licences": []}', b'{"origin": "x", "licences": [{"id": "a"}]}']
)
def test_damaged_texts_are_a_configuration_error(octets: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_licence_texts(octets)
    assert caught.value.code == "licence_texts_unusable"
