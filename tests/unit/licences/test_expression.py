"""Licence expressions, against vectors of other implementations and the rules of the specification."""

import json
from pathlib import Path

import pytest

from assay.domain.errors import InvalidInput
from assay.licences.expression import LicenceState, expand_denied, judge

ASSETS = Path(__file__).parents[2] / "assets" / "licences"


def vectors(name: str, member: str = "vectors") -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((ASSETS / name).read_text(encoding="utf-8"))[member]
    return entries


@pytest.mark.parametrize("vector", vectors("deny-list.json"), ids=lambda vector: str(vector["expression"]))
def test_the_deny_list_vectors_hold(vector: dict[str, object]) -> None:
    facts = judge(str(vector["expression"]))
    denied = set(expand_denied(vector["denied"]))  # type: ignore[arg-type]  # a list of strings
    required = facts.state is LicenceState.VALID and all(denied & set(choice) for choice in facts.choices)
    assert required == (vector["expected"] == "required")


def test_the_validity_vectors_hold() -> None:
    for vector in vectors("validate.json"):
        licences = vector["licences"]
        assert isinstance(licences, list)
        assert [text for text in licences if judge(text).state is not LicenceState.VALID] == vector["invalid"]


@pytest.mark.parametrize("expression", vectors("parse.json", "invalid"))
def test_malformed_expressions_are_invalid(expression: str) -> None:
    assert judge(expression).state is LicenceState.INVALID


@pytest.mark.parametrize("expression", [str(vector["expression"]) for vector in vectors("parse.json", "valid")])
def test_well_formed_expressions_with_made_up_ids_are_never_acceptable(expression: str) -> None:
    facts = judge(expression)
    assert facts.state is LicenceState.VALID or facts.choices == (facts.required,)


@pytest.mark.parametrize(
    ("expression", "choices"),
    [
        ("GPL-3.0-only OR MIT", (("GPL-3.0-only",), ("MIT",))),
        ("GPL-3.0-only AND MIT", (("GPL-3.0-only", "MIT"),)),
        ("mit", (("MIT",),)),
        ("GPL-2.0", (("GPL-2.0-only",),)),
        ("GPL-2.0+", (("GPL-2.0-or-later",),)),
        ("Apache-2.0+", (("Apache-2.0+",),)),
        ("eCos-2.0", (("GPL-2.0-or-later WITH eCos-exception-2.0",),)),
        ("Net-SNMP", (("Net-SNMP",),)),
        ("bzip2-1.0.5", (("bzip2-1.0.5",),)),
        ("LicenseRef-Own AND MIT", (("LicenseRef-Own", "MIT"),)),
        ("MIT WITH AdditionRef-own", (("MIT WITH AdditionRef-own",),)),
        ("MIT OR ISC AND Zlib", (("ISC", "Zlib"), ("MIT",))),
        ("(MIT or ISC) and Zlib", (("ISC", "Zlib"), ("MIT", "Zlib"))),
    ],
)
def test_an_expression_offers_its_choices(expression: str, choices: tuple[tuple[str, ...], ...]) -> None:
    assert judge(expression).choices == choices


def test_required_is_what_no_choice_escapes() -> None:
    assert judge("MIT AND (ISC OR Zlib)").required == ("MIT",)
    assert judge("GPL-2.0-only OR GPL-3.0-only").required == ()


@pytest.mark.parametrize(
    ("expression", "state"),
    [
        ("NONE", LicenceState.NONE),
        ("NOASSERTION", LicenceState.NOASSERTION),
        ("MIT AND NOASSERTION", LicenceState.NOASSERTION),
        ("MIT OR NOASSERTION", LicenceState.INVALID),
        ("NONE WITH Classpath-exception-2.0", LicenceState.INVALID),
        ("MIT WITH Made-Up-exception", LicenceState.UNKNOWN),
        ("MTI", LicenceState.UNKNOWN),
        ("GPL-2.0-only+", LicenceState.UNKNOWN),
        ("MIT Or ISC", LicenceState.INVALID),
        ("MIT/ISC", LicenceState.INVALID),
        ("MIT é", LicenceState.INVALID),
        ("M" * 70_000, LicenceState.INVALID),
        ("(" * 33 + "MIT" + ")" * 33, LicenceState.INVALID),
        ("(" * 32 + "MIT" + ")" * 32, LicenceState.VALID),
        (" AND ".join(["MIT"] * 600), LicenceState.UNKNOWN),
        (" AND ".join(f"(MIT OR LicenseRef-{n})" for n in range(7)), LicenceState.UNKNOWN),
    ],
)
def test_what_cannot_be_judged_has_a_state(expression: str, state: LicenceState) -> None:
    facts = judge(expression)
    assert facts.state is state
    assert state is LicenceState.VALID or len(facts.choices) == 1


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-only AND Whatever-1.0",
        "(Whatever) AND (gpl-3.0)",
        "GPL-3.0-only AND NOASSERTION",
        "NONE AND GPL-3.0-only",
        "GPL-3.0-only AND (",
        "licensed under GPL-3.0-only.",
        "MIT/GPL-3.0-only",
        "GPL-3.0-only OR Whatever",
        " AND ".join(["Whatever"] * 600 + ["GPL-3.0-only"]),
    ],
)
def test_what_cannot_be_judged_demands_every_licence_it_names(expression: str) -> None:
    facts = judge(expression)
    assert facts.state is not LicenceState.VALID
    assert "GPL-3.0-only" in facts.required
    assert facts.choices == (facts.required,)
    assert judge("NOASSERTION").choices == judge("Whatever").choices == ((),)


def test_denying_a_version_hits_every_spelling_of_it_and_not_the_next() -> None:
    assert expand_denied(["GPL-2.0"]) == ("GPL-2.0-only", "GPL-2.0-or-later")
    assert expand_denied(["Apache-1.1"]) == ("Apache-1.1", "Apache-1.1+")


def test_denying_or_later_hits_later_versions() -> None:
    assert expand_denied(["GPL-2.0-or-later"]) == (
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
    )
    assert expand_denied(["MPL-1.1+"]) == ("MPL-1.1", "MPL-1.1+", "MPL-2.0", "MPL-2.0+")


def test_denying_a_compound_does_not_hit_the_plain_licence() -> None:
    assert expand_denied(["GPL-2.0-only WITH Classpath-exception-2.0"]) == (
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "GPL-2.0-or-later WITH Classpath-exception-2.0",
    )


def test_a_reference_is_denied_as_it_is_written() -> None:
    assert expand_denied(["LicenseRef-Own"]) == ("LicenseRef-Own",)


@pytest.mark.parametrize("entry", ["GPL3", "MIT OR ISC", "MIT AND ISC", "NONE", ""])
def test_a_deny_list_entry_that_is_no_licence_is_refused(entry: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        expand_denied(["MIT", entry])
    assert caught.value.code == "licence_unknown"
