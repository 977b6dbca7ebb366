"""`assay cache`: what is shown and forgotten."""

from tests.fakes.kept_verdict import kept_verdict
from tests.unit.cli.conftest import CommandLine


def test_without_verdicts_it_says_so(assay: CommandLine) -> None:
    outcome = assay.run("cache", "show", "--config", __file__)
    assert (outcome.status, outcome.out) == (0, "nothing is kept\n")


def test_a_verdict_is_one_line(assay: CommandLine) -> None:
    kept = kept_verdict()
    assay.parts.verdicts.keep(kept)
    outcome = assay.run("cache", "show", "--config", __file__)
    name = f"{kept.key.repository}@{kept.key.digest}"
    assert outcome.out == f"2026-11-21T12:00:00.000Z  allow         {name}  team-a/production\n"


def test_json_tells_what_a_verdict_is_kept_under(assay: CommandLine) -> None:
    kept = kept_verdict()
    assay.parts.verdicts.keep(kept)
    (entry,) = assay.run("cache", "show", "--config", __file__, "--output", "json").document["verdicts"]
    assert (entry["verdict"], entry["codes"], entry["digest"]) == ("allow", [], kept.key.digest.text)
    assert (entry["policy"], entry["trust"]) == (kept.key.policy.bundle.text, kept.key.policy.trust.text)
    assert entry["evidence"] == [digest.text for digest in kept.found.facts.evidence]


def test_clear_forgets_everything(assay: CommandLine) -> None:
    assay.parts.verdicts.keep(kept_verdict())
    assert assay.run("cache", "clear", "--config", __file__).out == "everything is forgotten\n"
    assert assay.parts.verdicts.entries() == []
