"""Quorums: their demands say exactly when signers can be assigned, and OPA counts as they say."""

import json
import random
import subprocess
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.quorum import Quorum
from tests.fixtures.engines import OPA, POLICIES

NAMES = ("a", "b", "c", "d")
Voices = Mapping[str, frozenset[str]]
"""Signers with the authorities that they speak for."""

voices = st.dictionaries(st.sampled_from("123456"), st.frozensets(st.sampled_from((*NAMES, "stranger"))), max_size=6)


@st.composite
def quorums(draw: st.DrawFn) -> Quorum:
    authorities = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    threshold = draw(st.integers(1, len(authorities)))
    required = draw(st.lists(st.sampled_from(authorities), max_size=threshold, unique=True))
    return Quorum(authorities=tuple(authorities), threshold=threshold, required=tuple(required))


def met(quorum: Quorum, said: Voices) -> bool:
    """What the demands say."""
    return all(
        sum(not names.isdisjoint(demand.names) for names in said.values()) >= demand.count
        for demand in quorum.demands()
    )


def assignable(quorum: Quorum, said: Voices) -> bool:
    """Whether enough authorities, the required ones among them, can be given a signer each: by trying everything."""
    for size in range(quorum.threshold, len(quorum.authorities) + 1):
        for chosen in permutations(quorum.authorities, size):
            if set(quorum.required) <= set(chosen) and _serve(chosen, dict(said)):
                return True
    return False


def _serve(chosen: Sequence[str], left: dict[str, frozenset[str]]) -> bool:
    if not chosen:
        return True
    return any(
        _serve(chosen[1:], {other: said for other, said in left.items() if other != signer})
        for signer, names in left.items()
        if chosen[0] in names
    )


@given(quorums(), voices)
def test_a_quorum_is_met_exactly_when_every_needed_authority_can_have_a_signer_of_its_own(
    quorum: Quorum, said: Voices
) -> None:
    assert met(quorum, said) is assignable(quorum, said)


@given(quorums(), voices, st.data())
def test_a_voice_less_never_meets_what_was_not_met(quorum: Quorum, said: Voices, data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from([*said, ""]))
    fewer = {signer: names for signer, names in said.items() if signer != gone}
    assert met(quorum, said) or not met(quorum, fewer)


def _cases(number: int) -> list[dict[str, object]]:
    chance = random.Random(7)  # noqa: S311  # the same cases in every run
    cases: list[dict[str, object]] = []
    for _ in range(number):
        authorities = chance.sample(NAMES, chance.randint(1, 4))
        threshold = chance.randint(1, len(authorities))
        required = chance.sample(authorities, chance.randint(0, threshold))
        quorum = Quorum(authorities=tuple(authorities), threshold=threshold, required=tuple(required))
        said = {
            str(signer): frozenset(chance.sample(NAMES, chance.randint(1, 3))) for signer in range(chance.randint(0, 4))
        }
        at_least = [{"names": demand.names, "count": demand.count} for demand in quorum.demands()]
        spoken = [{"keyid": signer, "names": sorted(names)} for signer, names in said.items()]
        cases.append({"wanted": {"at_least": at_least}, "voices": spoken, "met": assignable(quorum, said)})
    return cases


def test_opa_counts_as_the_demands_say_and_a_repeated_voice_changes_nothing(tmp_path: Path) -> None:
    cases = _cases(2000)
    (tmp_path / "data.json").write_text(json.dumps({"cases": cases}))
    query = (
        "[[a, b] | some case in data.cases;"
        " a := data.assay.lib.quorum.met(case.wanted, case.voices);"
        " b := data.assay.lib.quorum.met(case.wanted, array.concat(case.voices, case.voices))]"
    )
    command = [str(OPA), "eval", "-d", str(POLICIES / "lib" / "quorum.rego"), "-d", str(tmp_path / "data.json"), query]
    finished = subprocess.run([*command, "--format", "raw"], capture_output=True, text=True, check=True)
    assert json.loads(finished.stdout) == [[case["met"], case["met"]] for case in cases]
    assert 400 < sum(case["met"] is True for case in cases) < 1600
