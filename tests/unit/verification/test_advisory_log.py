"""Attacks on log entries: entries of something else, counted twice, without proof, without time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from assay.domain.evidence import Rejection
from assay.verification.trust_root import TrustProfile
from tests.fakes.certificate import NOW
from tests.fakes.judge import WORLD, judge, trust, verdict
from tests.fakes.sigstore import RECIPES, Recipe
from tests.fakes.transparency import BODIES, FakeLog, Json, Signed, b64, nothing
from tests.fakes.trusted_root import ALWAYS, render_log

LOGGED = [recipe for recipe in RECIPES if not recipe.stamped or recipe.is_tiled]
V1 = Recipe(stamped=True)
V2 = Recipe(body="hashedrekord 0.0.2", stamped=True)
WITNESS = FakeLog(name="witness.test", generation=2)


def packed(recipe: Recipe, *, entry_of: Recipe | None = None, **foreign: Any) -> str:
    """The verdict on a signature that comes with the entry of another one."""
    log = WORLD.tiles if recipe.is_tiled else WORLD.log
    own = WORLD.sign(recipe)
    entry = WORLD.sign(entry_of or recipe, certificate=own.certificate, **foreign).enter(log, recipe.body)
    tokens = [WORLD.tsa.stamp(own.stamped_octets(recipe.shape))] if recipe.stamped else []
    return verdict(own.item(recipe.shape, entries=[entry], tokens=tokens))


@pytest.mark.parametrize("recipe", LOGGED, ids=str)
def test_cve_2022_36056_the_entry_of_another_artefact_is_a_mismatch(recipe: Recipe) -> None:
    assert packed(recipe, manifest=b"another") == "log_entry_mismatch"
    assert verdict(WORLD.mint(recipe)) in {"signature", "attestation"}


@pytest.mark.parametrize("recipe", LOGGED, ids=str)
def test_cve_2022_23649_the_entry_of_another_signature_over_the_same_is_a_mismatch(recipe: Recipe) -> None:
    # intoto 0.0.1 logs no signature, the other kinds do; where the envelope is at hand, its hash tells.
    tells_no_signature = recipe.body == "intoto 0.0.1" and recipe.shape != "att"
    expected = "signature" if tells_no_signature else "log_entry_mismatch"
    assert packed(recipe) == expected


@pytest.mark.parametrize("recipe", [recipe for recipe in LOGGED if recipe.keyless], ids=str)
def test_cve_2024_51746_the_same_signature_with_another_certificate_is_a_mismatch(recipe: Recipe) -> None:
    log = WORLD.tiles if recipe.is_tiled else WORLD.log
    own = WORLD.sign(recipe)
    entry = own.enter(log, recipe.body)
    tokens = [WORLD.tsa.stamp(own.stamped_octets(recipe.shape))] if recipe.stamped else []
    reissued = own.show(WORLD.authority.issue(WORLD.leaf))
    assert verdict(reissued.item(recipe.shape, entries=[entry], tokens=tokens)) == "log_entry_mismatch"
    assert verdict(own.item(recipe.shape, entries=[entry], tokens=tokens)) in {"signature", "attestation"}


@pytest.mark.parametrize("recipe", LOGGED, ids=str)
def test_cve_2026_22703_every_member_of_a_logged_body_must_be_ours(recipe: Recipe) -> None:
    for place in _texts(BODIES[recipe.body](replace(SAMPLE, is_certificate=recipe.keyless))):
        outcome = verdict(WORLD.mint(recipe, body=partial(_alter, place=place)))
        if place[-1] in {"apiVersion", "kind"}:
            assert outcome == "log_entry_kind_unsupported", place
        elif recipe.shape != "att" and ("envelopeHash" in place or place[1:3] == ("content", "hash")):
            assert outcome in {"signature", "log_entry_mismatch"}, place
        else:
            assert outcome == "log_entry_mismatch", place


SAMPLE = Signed(message=b"", signature=b"x", pem=b"x", der=b"x", is_certificate=True, payload_type="x")


def _texts(value: object) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield ()
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from ((key, *rest) for rest in _texts(member))


def _alter(document: Any, place: tuple[Any, ...]) -> None:
    for key in place[:-1]:
        document = document[key]
    text = document[place[-1]]
    document[place[-1]] = ("b" if text[:1] == "a" else "a") + text[1:]


@pytest.mark.parametrize("recipe", LOGGED, ids=str)
@pytest.mark.parametrize("extra", ["apiVersion ", "x"])
def test_an_additional_member_in_a_logged_body_is_a_mismatch(recipe: Recipe, extra: str) -> None:
    assert verdict(WORLD.mint(recipe, body=lambda body: body["spec"].update({extra: 1}))) == "log_entry_mismatch"


@pytest.mark.parametrize(("kind", "version"), [("alpine", "0.0.1"), ("hashedrekord", "0.0.3"), ("", "")])
def test_an_entry_of_another_kind_is_unsupported(kind: str, version: str) -> None:
    item = WORLD.mint(Recipe(), body=lambda body: body.update(kind=kind, apiVersion=version))
    assert verdict(item) == "log_entry_kind_unsupported"


def test_a_body_altered_after_it_was_logged_is_vouched_for_by_nobody() -> None:
    other = WORLD.sign(Recipe(), manifest=b"another").enter(WORLD.log, "dsse 0.0.1")
    for proof, promise in ((True, True), (True, False), (False, True)):
        recipe = replace(V1, shape="0.3" if proof else "0.1", proof=proof, promise=promise)

        def swap(entry: Json) -> None:
            entry["canonicalizedBody"] = other["canonicalizedBody"]

        assert verdict(WORLD.mint(recipe, enter={"entry": swap})) == "log_proof_invalid"
        assert verdict(WORLD.mint(recipe)) == "signature"


def test_cve_2026_49834_two_entries_of_one_log_count_once() -> None:
    second = FakeLog(name="second.test")
    root = trust(
        profile=TrustProfile(log_entries=2, scts=1, timestamps=0),
        edit=lambda document: document["tlogs"].append(render_log(second, ALWAYS)),
    )
    own = WORLD.sign(Recipe())
    entry = own.enter(WORLD.log, "dsse 0.0.1")
    later = own.enter(WORLD.log, "dsse 0.0.1", index=2)
    foreign = own.enter(second, "dsse 0.0.1")
    two = judge(root=root)
    assert two.verdict(own.item("0.3", entries=[entry, later])) == "trust_profile_unmet"
    assert two.verdict(own.item("0.3", entries=[entry])) == "trust_profile_unmet"
    assert two.verdict(own.item("0.3", entries=[entry, foreign])) == "signature"


def test_one_bad_entry_beside_a_good_one_rejects_the_bundle() -> None:
    own = WORLD.sign(Recipe())
    good = own.enter(WORLD.log, "dsse 0.0.1")
    for bad, code in (
        (own.enter(FakeLog(name="unknown.test"), "dsse 0.0.1"), "log_proof_invalid"),
        (own.enter(WORLD.log, "dsse 0.0.1", promised=lambda p: p.update(logIndex=7)), "log_proof_invalid"),
        (WORLD.sign(Recipe()).enter(WORLD.log, "dsse 0.0.1"), "log_entry_mismatch"),
    ):
        assert verdict(own.item("0.3", entries=[good, bad])) == code
        assert verdict(own.item("0.3", entries=[bad, good])) == code
    assert verdict(own.item("0.3", entries=[good, own.enter(WORLD.log, "dsse 0.0.1")])) == "signature"


@pytest.mark.parametrize("keyless", [True, False])
def test_ghsa_hhfg_fwrw_87w7_an_integrated_time_without_its_promise_is_no_time(*, keyless: bool) -> None:
    recipe = Recipe(keyless=keyless)
    assert verdict(WORLD.mint(replace(recipe, promise=False))) == "no_verified_time"
    assert verdict(WORLD.mint(replace(recipe, promise=False, stamped=True))) == "signature"
    assert verdict(WORLD.mint(recipe)) == "signature"


@pytest.mark.parametrize("time", ["0", "-1", str(2**63), "", "x", True, 1.5, str(10**12), None])
def test_ghsa_hhfg_fwrw_87w7_an_impossible_integrated_time_is_refused(time: object) -> None:
    def stamped(entry: Json) -> None:
        entry["integratedTime"] = time

    outcome = verdict(WORLD.mint(Recipe(), enter={"entry": stamped}))
    assert outcome == "bundle_malformed"


@pytest.mark.parametrize("time", [0, 253402300800])
def test_a_promised_time_outside_of_the_calendar_is_refused(time: int) -> None:
    item = WORLD.mint(
        Recipe(),
        enter={
            "promised": lambda payload: payload.update(integratedTime=time),
            "entry": lambda entry: entry.update(integratedTime=str(time)),
        },
    )
    assert verdict(item) == "bundle_malformed"


@pytest.mark.parametrize("keyless", [True, False])
def test_an_entry_of_rekor_v2_without_a_timestamp_has_no_time(*, keyless: bool) -> None:
    recipe = replace(V2, keyless=keyless)
    assert verdict(WORLD.mint(replace(recipe, stamped=False))) == "no_verified_time"
    assert verdict(WORLD.mint(recipe)) == "signature"


def _hash(number: int, text: str) -> Callable[[Json], None]:
    def swap(entry: Json) -> None:
        entry["inclusionProof"]["hashes"][number] = text

    return swap


def _proof(**members: Any) -> Callable[[Json], object]:
    return lambda entry: entry["inclusionProof"].update(members)


FOREIGN = b64(b"\x01" * 32)
BROKEN_PROOFS: dict[str, dict[str, Any]] = {
    "another hash": {"entry": _hash(0, FOREIGN)},
    "one hash more": {"entry": lambda entry: entry["inclusionProof"]["hashes"].append(FOREIGN)},
    "one hash fewer": {"entry": lambda entry: entry["inclusionProof"]["hashes"].pop()},
    "hashes in another order": {"entry": lambda entry: entry["inclusionProof"]["hashes"].reverse()},
    "another root": {"entry": _proof(rootHash=FOREIGN)},
    "another size": {"entry": _proof(treeSize="4")},
    "another index": {"entry": _proof(logIndex="0")},
    "an index beyond the tree": {"entry": _proof(logIndex="3")},
    "an empty tree": {"entry": _proof(treeSize="0", logIndex="0", hashes=[])},
    "a checkpoint of another size": {"checkpoint": lambda text: text.replace("\n3\n", "\n4\n")},
    "a checkpoint with another root": {
        "checkpoint": lambda text: "\n".join([*text.split("\n")[:2], FOREIGN, ""]),
    },
    "a foreign origin": {"checkpoint": lambda text: "evil.test" + text[text.index("\n") :]},
    "the origin of the other log": {"checkpoint": lambda text: "second" + text},
    "only a cosigner": {"signers": [WITNESS]},
    "a checkpoint altered after signing": {"note": lambda note: note.replace("\n3\n", "\n5\n", 1)},
}


@pytest.mark.parametrize("broken", BROKEN_PROOFS)
@pytest.mark.parametrize("recipe", [V1, V2], ids=["v1", "v2"])
def test_a_proof_that_does_not_lead_to_the_logs_checkpoint_is_refused(recipe: Recipe, broken: str) -> None:
    item = WORLD.mint(recipe, enter={"size": 3, "index": 1, **BROKEN_PROOFS[broken]})
    assert verdict(item) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe, enter={"size": 3, "index": 1})) == "signature"


@pytest.mark.parametrize("recipe", [V1, V2], ids=["v1", "v2"])
def test_a_checkpoint_signed_by_another_log_of_the_same_root_is_refused(recipe: Recipe) -> None:
    own, other = (WORLD.tiles, WORLD.log) if recipe.is_tiled else (WORLD.log, WORLD.tiles)
    assert verdict(WORLD.mint(recipe, enter={"signers": [other]})) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe, enter={"signers": [own, other, WITNESS]})) == "signature"
    assert verdict(WORLD.mint(recipe, enter={"signers": [WITNESS, own]})) == "signature"


@pytest.mark.parametrize("recipe", [V1, V2], ids=["v1", "v2"])
def test_a_signature_line_with_another_hint_or_name_is_refused(recipe: Recipe) -> None:
    log = WORLD.tiles if recipe.is_tiled else WORLD.log

    def signed_as(**names: Any) -> Callable[[str], str]:
        def note(signed: str) -> str:
            text = signed[: signed.rindex("\n\n") + 1]
            return text + "\n" + log.sign_line(text, **names)

        return note

    assert verdict(WORLD.mint(recipe, enter={"note": signed_as(hint=b"\x00\x01\x02\x03")})) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe, enter={"note": signed_as(name="evil.test")})) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe, enter={"note": signed_as()})) == "signature"


@pytest.mark.parametrize("note", ["", "\n", "x", "\n\n", "x\n1\n\n\u2014 x x\n", "\u2014" * 70_000])
def test_a_checkpoint_that_is_none_is_refused(note: str) -> None:
    expected = "evidence_limit" if len(note) > 65_536 else "log_proof_invalid"
    assert verdict(WORLD.mint(V1, enter={"note": lambda _: note})) == expected


@pytest.mark.parametrize("recipe", [V1, V2], ids=["v1", "v2"])
def test_the_id_of_an_unknown_or_of_another_log_is_refused(recipe: Recipe) -> None:
    other = WORLD.log if recipe.is_tiled else WORLD.tiles
    for log_id in (b"\x00" * 32, other.log_id, b"", recipe.body.encode()):
        item = WORLD.mint(
            recipe, enter={"entry": lambda entry, log_id=log_id: entry["logId"].update(keyId=b64(log_id))}
        )
        assert verdict(item) == "log_proof_invalid"


def test_the_kinds_of_one_generation_of_logs_are_not_those_of_the_other() -> None:
    own = WORLD.sign(V2)
    tokens = [WORLD.tsa.stamp(own.signed.signature)]
    for log, kind in ((WORLD.log, "hashedrekord 0.0.2"), (WORLD.tiles, "dsse 0.0.1")):
        item = own.item("0.3", entries=[own.enter(log, kind)], tokens=tokens)
        assert verdict(item) == "log_entry_kind_unsupported"


PROMISES: dict[str, Callable[[Json], object]] = {
    "another index": lambda payload: payload.update(logIndex=payload["logIndex"] + 1),
    "another time": lambda payload: payload.update(integratedTime=payload["integratedTime"] + 1),
    "another log": lambda payload: payload.update(logID="00" * 32),
    "another body": lambda payload: payload.update(body="eA=="),
    "one member more": lambda payload: payload.update(x=1),
}


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("shape", ["0.3", "att"])
def test_a_promise_of_something_else_is_refused(promise: str, shape: str) -> None:
    recipe = Recipe(shape=shape)
    assert verdict(WORLD.mint(recipe, enter={"promised": PROMISES[promise]})) == "log_proof_invalid"
    assert verdict(WORLD.mint(recipe, enter={"promised": nothing})) in {"signature", "attestation"}


def test_a_global_index_is_believed_only_from_a_promise() -> None:
    renumbered = {"entry": lambda entry: entry.update(logIndex="5")}
    assert verdict(WORLD.mint(V1, enter=renumbered)) == "log_proof_invalid"
    claim = judge().outcome(WORLD.mint(replace(V1, promise=False), enter=renumbered))
    assert not isinstance(claim, Rejection), claim
    assert [(entry.index, entry.leaf, entry.time) for entry in claim.log_entries] == [(None, 1, None)]
    assert claim.times == (NOW,)


@pytest.mark.parametrize("shape", ["0.2", "0.3"])
def test_an_entry_without_a_proof_is_enough_in_the_oldest_bundles_only(shape: str) -> None:
    assert verdict(WORLD.mint(Recipe(shape=shape, proof=False))) == "bundle_malformed"
    assert verdict(WORLD.mint(Recipe(shape="0.1", proof=False))) == "signature"
    assert verdict(WORLD.mint(Recipe(shape="0.1", proof=False, promise=False))) == "bundle_malformed"


def test_a_proof_in_the_oldest_bundles_is_verified_and_needs_a_checkpoint() -> None:
    bare = {"entry": lambda entry: entry["inclusionProof"].pop("checkpoint")}
    wrong = {"entry": _hash(0, FOREIGN)}
    assert verdict(WORLD.mint(Recipe(shape="0.1"), enter=bare)) == "bundle_malformed"
    assert verdict(WORLD.mint(Recipe(shape="0.1"), enter=wrong)) == "log_proof_invalid"
    assert verdict(WORLD.mint(Recipe(shape="0.1"))) == "signature"


def test_a_promise_in_an_entry_of_rekor_v2_is_not_overlooked() -> None:
    forged = {"signedEntryTimestamp": b64(b"forged")}
    item = WORLD.mint(V2, enter={"entry": lambda entry: entry.update(inclusionPromise=forged)})
    assert verdict(item) == "bundle_malformed"
    signed = WORLD.tiles.sign(b"anything")
    item = WORLD.mint(
        V2, enter={"entry": lambda entry: entry.update(inclusionPromise={"signedEntryTimestamp": b64(signed)})}
    )
    assert verdict(item) == "bundle_malformed"


def test_an_integrated_time_in_an_entry_of_rekor_v2_is_no_time() -> None:
    later = str(int(NOW.timestamp()) + 10**6)
    claim = judge().outcome(WORLD.mint(V2, enter={"entry": lambda entry: entry.update(integratedTime=later)}))
    if not isinstance(claim, Rejection):
        assert claim.times == (NOW,)
        assert [entry.time for entry in claim.log_entries] == [None]
    unstamped = replace(V2, stamped=False)
    item = WORLD.mint(unstamped, enter={"entry": lambda entry: entry.update(integratedTime=str(int(NOW.timestamp())))})
    assert verdict(item) == "no_verified_time"


@pytest.mark.parametrize("kind", ["p256", "p384", "ed25519"])
def test_a_log_of_the_first_generation_may_have_any_accepted_key(kind: str) -> None:
    world = replace(WORLD, log=FakeLog(name="rekor.test", kind=kind))
    other = judge(world)
    assert other.verdict(world.mint(Recipe())) == "signature"
    assert other.verdict(world.mint(Recipe(), enter={"promised": PROMISES["another index"]})) == "log_proof_invalid"
    assert other.verdict(world.mint(Recipe(), enter={"signers": [WITNESS]})) == "log_proof_invalid"
    assert other.verdict(WORLD.mint(Recipe())) == ("signature" if kind == "p256" else "log_proof_invalid")


def test_a_checkpoint_may_have_extension_lines_that_are_signed() -> None:
    extended = {"checkpoint": lambda text: text + "Timestamp: 1772366400\n"}
    for recipe in (V1, V2):
        assert verdict(WORLD.mint(recipe, enter=extended)) == "signature"


def test_a_second_text_behind_the_signatures_is_not_the_one_that_was_signed() -> None:
    def twice(note: str) -> str:
        return "evil.test\n3\n" + FOREIGN + "\n\n" + note

    for recipe in (V1, V2):
        assert verdict(WORLD.mint(recipe, enter={"note": twice})) == "log_proof_invalid"
