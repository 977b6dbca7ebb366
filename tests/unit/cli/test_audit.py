"""`assay audit`: asking the log, saving proofs, verifying with and without the service."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.errors import InvalidInput, RecordCorrupt, RecordPart
from tests.fakes.composition import ScriptedService
from tests.fakes.decision import identifier
from tests.fakes.service import Service, logged_service, typed
from tests.unit.cli.conftest import CommandLine, Outcome

ID = identifier(0)
LISTED = {
    "index": 3,
    "id": ID,
    "kind": "gate",
    "time": "2026-11-21T12:00:00.000Z",
    "verdict": "deny",
    "images": [{"name": "registry.example/app", "digest": "sha256:" + "ab" * 32}],
    "codes": ["licence.denied", "licence.denied", "a.b"],
}


def run(assay: CommandLine, answers: dict[str, object], *arguments: str) -> Outcome:
    assay.parts.client = ScriptedService(answers)
    return assay.run("audit", *arguments)


def test_a_decision_is_one_line(assay: CommandLine) -> None:
    page = {"decisions": [LISTED, {**LISTED, "images": [], "codes": []}], "damages": [], "next": None}
    outcome = run(assay, {"/v1/decisions": page}, "list")
    first, second = outcome.out.splitlines()
    assert first == (
        f"{ID}  2026-11-21T12:00:00.000Z  gate      deny          "
        "registry.example/app@sha256:abababababab  [a.b, licence.denied]"
    )
    assert second.endswith("[-]")


def test_every_filter_is_passed_on(assay: CommandLine) -> None:
    filters = {"image": "r.example/a", "digest": "d", "environment": "e", "verdict": "deny", "kind": "gate"}
    filters |= {"code": "c", "policy": "p", "since": "s", "until": "u", "limit": "5", "before": "9"}
    options = [word for name, value in filters.items() for word in (f"--{name}", value)]
    page: dict[str, object] = {"decisions": [], "damages": [], "next": None}
    outcome = run(assay, {"/v1/decisions": page}, "list", *options, "--output", "json")
    assert (outcome.status, outcome.document) == (0, page)
    assert assay.parts.client.asked == [("/v1/decisions", filters)]


def test_a_damaged_record_is_named_and_is_no_success(assay: CommandLine) -> None:
    damaged = {"index": 4, "id": ID, "part": "verdict"}
    page = {"decisions": [], "damages": [damaged], "next": None}
    outcome = run(assay, {"/v1/decisions": page}, "list")
    assert (outcome.status, f"damaged: leaf 4  decision {ID}  verdict" in outcome.err) == (1, True)
    assert run(assay, {"/v1/decisions": page}, "list", "--output", "json").status == 1


def test_a_page_says_where_the_next_one_begins(assay: CommandLine) -> None:
    outcome = run(assay, {"/v1/decisions": {"decisions": [], "damages": [], "next": 17}}, "list")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "there are more: --before 17\n")


def test_a_list_that_is_none_is_refused(assay: CommandLine) -> None:
    outcome = run(assay, {"/v1/decisions": {"decisions": 1}}, "list")
    assert (outcome.status, "answer_invalid" in outcome.err) == (2, True)


def test_a_decision_is_shown_as_json(assay: CommandLine) -> None:
    answers: dict[str, object] = {f"/v1/decisions/{ID}": LISTED}
    assert json.loads(run(assay, answers, "show", ID).out) == LISTED
    assert run(assay, answers, "show", ID, "--output", "json").document == LISTED


def test_a_corrupt_record_is_1_and_an_unknown_one_is_2(assay: CommandLine) -> None:
    corrupt = RecordCorrupt(RecordPart.INPUT, "the input was changed")
    assert run(assay, {f"/v1/decisions/{ID}": corrupt}, "show", ID).status == 1
    unknown = typed(InvalidInput, "decision_unknown")
    assert run(assay, {f"/v1/decisions/{ID}": unknown}, "show", ID).status == 2
    assert run(assay, {}, "show", "../../healthz").status == 2


def test_a_proof_is_printed_or_saved_with_its_leaf(assay: CommandLine, tmp_path: Path) -> None:
    answers: dict[str, object] = {
        f"/v1/decisions/{ID}/proof": "proof\n",
        f"/v1/decisions/{ID}": {**LISTED, "leaf": base64.b64encode(b"leaf").decode()},
    }
    assert run(assay, answers, "proof", ID).out == "proof\n"
    folder = tmp_path / "new" / "evidence"
    outcome = run(assay, answers, "proof", ID, "--save", str(folder))
    assert outcome.out.splitlines() == [f"{folder}/{ID}.leaf", f"{folder}/{ID}.tlog-proof"]
    assert (folder / f"{ID}.leaf").read_bytes() == b"leaf"
    assert (folder / f"{ID}.tlog-proof").read_text() == "proof\n"


@pytest.mark.parametrize("record", [None, [], {}, {"leaf": 1}, {"leaf": "no base64!"}])
def test_an_answer_without_a_leaf_saves_nothing(assay: CommandLine, tmp_path: Path, record: object) -> None:
    answers: dict[str, object] = {f"/v1/decisions/{ID}/proof": "proof\n", f"/v1/decisions/{ID}": record}
    outcome = run(assay, answers, "proof", ID, "--save", str(tmp_path / "evidence"))
    assert (outcome.status, "answer_invalid" in outcome.err) == (2, True)
    assert not (tmp_path / "evidence").exists()


def walk(*pages: object) -> dict[str, object]:
    return {"/v1/log/verification": list(pages)}


def test_a_log_is_verified_page_by_page(assay: CommandLine) -> None:
    pages: tuple[dict[str, object], ...] = (
        {"size": 700, "next": 500, "damages": []},
        {"size": 700, "next": None, "damages": []},
    )
    outcome = run(assay, walk(*pages), "verify")
    assert (outcome.status, outcome.out) == (0, "700 leaves, 0 damaged\n")
    assert [parameters["start"] for _, parameters in assay.parts.client.asked] == ["0", "500"]


def test_each_damage_is_named_also_when_it_is_the_log_itself(assay: CommandLine) -> None:
    damages = [
        {"index": 0, "id": ID, "part": "verdict", "detail": "the column says allow"},
        {"index": None, "id": ID, "part": "decision", "detail": "no leaf"},
        {"index": None, "id": "", "part": "checkpoint", "detail": "gone"},
    ]
    page = {"size": 1, "next": None, "damages": damages}
    outcome = run(assay, walk(page), "verify")
    assert outcome.status == 1
    assert outcome.out.splitlines() == [
        f"leaf 0  decision {ID}  verdict: the column says allow",
        f"decision {ID}  decision: no leaf",
        "the log itself  checkpoint: gone",
        "1 leaves, 3 damaged",
    ]
    told = run(assay, walk(page), "verify", "--output", "json")
    assert (told.status, told.document) == (1, {"size": 1, "damages": damages})


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with logged_service(tmp_path_factory.mktemp("log") / "state") as logged:
        yield logged


@pytest.fixture
def saved(service: Service, tmp_path: Path) -> list[str]:
    """The options that verify one saved decision offline."""
    shown = service.get(f"/v1/decisions/{ID}").get_json()
    (tmp_path / "proof").write_text(shown["proof"])
    (tmp_path / "leaf").write_bytes(base64.b64decode(shown["leaf"]))
    (tmp_path / "key").write_text(service.key() + "\n")
    return [word for name in ("proof", "leaf", "key") for word in (f"--{name}", str(tmp_path / name))]


def test_a_saved_decision_is_verified_without_any_service(assay: CommandLine, saved: list[str]) -> None:
    outcome = assay.run("audit", "verify", *saved)
    assert (outcome.status, outcome.out) == (0, "leaf 0 of 3 is in the log example.org/assay/test\n")
    told = assay.run("audit", "verify", *saved, "--output", "json").document
    assert told == {"index": 0, "size": 3, "origin": "example.org/assay/test"}
    assert assay.parts.calls == []


def test_the_key_may_be_written_on_the_command_line(assay: CommandLine, saved: list[str]) -> None:
    key = Path(saved[-1]).read_text().strip()
    assert assay.run("audit", "verify", *saved[:-1], key).status == 0
    assert assay.run("audit", "verify", *saved[:-1], "nonsense").status == 2


@pytest.mark.parametrize(("name", "content"), [("leaf", b"other"), ("proof", b"\xff\xfe"), ("proof", b"")])
def test_a_changed_file_is_not_proven(assay: CommandLine, saved: list[str], name: str, content: bytes) -> None:
    Path(saved[saved.index(f"--{name}") + 1]).write_bytes(content)
    outcome = assay.run("audit", "verify", *saved)
    assert (outcome.status, outcome.out) == (1, "")
    assert "proof_" in outcome.err


def test_a_proof_alone_cannot_be_verified(assay: CommandLine, saved: list[str]) -> None:
    assert assay.run("audit", "verify", *saved[:2]).status == 2
    assert assay.run("audit", "verify", *saved[:4]).status == 2
