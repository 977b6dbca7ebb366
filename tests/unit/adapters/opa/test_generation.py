"""Generations: checked when they are made, and again when they are loaded."""

import json
import shutil
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.opa.generation import build_generation, load_generation
from assay.adapters.opa.index import parse_index
from assay.domain.decision import Stage
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.domain.evidence import GapKind
from assay.domain.policy import Mode
from assay.domain.quorum import Quorum
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fixtures.engines import EXAMPLE, OPA, POLICIES, generation, with_demands, with_rule

RULE = """# METADATA
# scope: package
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.extra

import data.assay.lib.finding

# METADATA
# title: Extra
# description: Says nothing
# custom:
#   code: extra.nothing
#   severity: low
#   requires: []
#   counts: signatures
#   may_be_empty: true
#   effective_on: "2027-01-01T00:00:00Z"
#   solution: none
#   owner: nobody
deny contains found if {
\tcount(input.signatures) < 0
\tfound := finding.at(rego.metadata.rule(), {"term": "", "msg": "", "evidence": []})
}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("state"))


def build(state: Path, policies: Path = POLICIES, rule_data: Path = EXAMPLE, opa: Path = OPA) -> Path:
    return build_generation(policies=policies, rule_data=rule_data, opa=opa, state=state, authorities=["release"])


def refusal(act: Callable[[], object]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        act()
    return caught.value


def test_the_shipped_policies_and_the_example_are_a_generation(made: Path) -> None:
    loaded = load_generation(made)
    assert loaded.policy.mandatory[TENANT, ENVIRONMENT, Stage.REQUEST] == (
        "registry.allowed",
        "digest.required",
        "evidence.allowed",
    )
    assert loaded.policy.rules["signature.authority"].waivable is False
    assert loaded.policy.opa == Digest.of(OPA.read_bytes())
    assert loaded.policy.identity(Digest.of(b"trust")).trust == Digest.of(b"trust")


def test_the_same_input_gives_the_same_folder(made: Path) -> None:
    assert build(made.parents[1]) == made
    assert sorted(path.name for path in made.parent.iterdir()) == [made.name]


def test_what_is_served_is_private_and_has_no_tests(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    files = [path for path in made.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not [path for path in files if path.name.endswith("_test.rego")]


def test_deny_lists_are_expanded_for_the_engine(made: Path) -> None:
    data = json.loads((made / "bundle" / "rule_data" / "data.json").read_bytes())
    assert "GPL-3.0-or-later" in data[TENANT][ENVIRONMENT]["denied_licences"]


def test_a_change_of_policy_data_or_engine_is_another_generation(made: Path, tmp_path: Path) -> None:
    engine = Path(shutil.copy(OPA, tmp_path / "opa"))
    with engine.open("ab") as file:
        file.write(b"\0")
    others = {
        build(tmp_path, policies=with_rule(tmp_path / "policies", "rule/extra.rego", RULE)),
        build(tmp_path, rule_data=with_demands(tmp_path / "rule_data.json", denied_licences=[])),
        build(tmp_path, opa=engine),
    }
    assert len({folder.name for folder in others} | {made.name}) == 4


def test_dates_and_empty_rules_reach_the_engine(tmp_path: Path) -> None:
    loaded = generation(tmp_path, policies=with_rule(tmp_path / "policies", "rule/extra.rego", RULE))
    rule = loaded.policy.rules["extra.nothing"]
    assert rule.may_be_empty
    assert rule.effective_on is not None
    index = json.loads((loaded.bundle / "rule_index" / "data.json").read_bytes())
    assert index["extra.nothing"] == {"may_be_empty": True, "effective_s": int(rule.effective_on.timestamp())}


def test_a_rule_that_reads_the_configuration_is_noticed(made: Path, tmp_path: Path) -> None:
    curious = RULE.replace("count(input.signatures) < 0", 'input.image.config.user == "nobody"')
    loaded = generation(tmp_path, policies=with_rule(tmp_path / "policies", "rule/extra.rego", curious))
    assert loaded.policy.reads_config
    assert not load_generation(made).policy.reads_config


@pytest.mark.parametrize(
    ("path", "rego"),
    [
        ("rule/extra.rego", "package assay.rule.extra\n\nallow if"),
        ("rule/extra.rego", RULE.replace("input.signatures", "input.signaturs")),
        ("rule/extra.rego", RULE.replace("count(input.signatures) < 0", 'http.send({"url": "x"}).status_code == 1')),
        ("rule/extra.rego", RULE.replace("count(input.signatures) < 0", "unused := 1")),
        ("rule/extra.rego", RULE.replace("#   owner: nobody\n", "")),
        ("rule/extra.rego", RULE.replace("code: extra.nothing", "code: sbom.found")),
        ("rule/extra.rego", RULE + '\ndeny contains found if {\n\tfound := {"code": "x"}\n}\n'),
        ("extra.rego", "package system.log\n\nmask := []\n"),
    ],
    ids=["syntax", "typo", "network", "unused", "metadata", "code", "unindexed", "package"],
)
def test_policy_that_must_not_be_served_is_refused(tmp_path: Path, path: str, rego: str) -> None:
    policies = with_rule(tmp_path / "policies", path, rego)
    assert refusal(lambda: build(tmp_path, policies=policies)).code == "policy_invalid"
    assert list((tmp_path / "policy").iterdir()) == []


def test_a_symbolic_link_and_a_missing_schema_are_refused(tmp_path: Path) -> None:
    policies = with_rule(tmp_path / "policies", "rule/extra.rego", RULE)
    (policies / "rule" / "link.rego").symlink_to(policies / "main.rego")
    assert "link.rego" in refusal(lambda: build(tmp_path, policies=policies)).message
    (policies / "rule" / "link.rego").unlink()
    (policies / "schema" / "rule_data.v1.json").unlink()
    assert "rule_data.v1.json" in refusal(lambda: build(tmp_path, policies=policies)).message


def test_modes_reach_service_and_engine(tmp_path: Path) -> None:
    modes = {"sbom.found": "warn", "registry.allowed": "shadow"}
    loaded = generation(tmp_path, rule_data=with_demands(tmp_path / "rule_data.json", modes=modes))
    assert loaded.policy.modes == {(TENANT, ENVIRONMENT): {"sbom.found": Mode.WARN, "registry.allowed": Mode.SHADOW}}
    data = json.loads((loaded.bundle / "rule_data" / "data.json").read_bytes())
    assert data[TENANT][ENVIRONMENT]["modes"] == modes


def test_the_bound_on_stale_listings_reaches_the_service(tmp_path: Path) -> None:
    loaded = generation(tmp_path, rule_data=with_demands(tmp_path / "rule_data.json", stale_listing_seconds=600))
    assert loaded.policy.stale_listing == {(TENANT, ENVIRONMENT): timedelta(minutes=10)}
    assert generation(tmp_path).policy.stale_listing == {}


@pytest.mark.parametrize(
    ("demands", "word"),
    [
        ({"denied_licences": ["GPL3"]}, "GPL3"),
        ({"surprise": 1}, "surprise"),
        ({"builder_ids": []}, "builder_ids"),
        ({"mandatory": {"evidence": ["no.rule"], "request": ["digest.required"]}}, "no.rule"),
        ({"mandatory": {"evidence": ["digest.required"], "request": ["digest.required"]}}, "digest.required"),
        ({"mandatory": {"evidence": ["sbom.found"], "request": []}}, "request"),
        ({"modes": {"licence.unknown": "shadow"}}, "licence.unknown"),
        ({"modes": {"sbom.found": "perhaps"}}, "perhaps"),
        ({"stale_listing_seconds": 3601}, "stale_listing_seconds"),
        ({"stale_listing_seconds": 0}, "stale_listing_seconds"),
        (
            {
                "authorities": {
                    kind: {"names": ["nobody"], "threshold": 1} for kind in ("signature", "provenance", "sbom")
                }
            },
            "nobody",
        ),
    ],
)
def test_rule_data_that_means_nothing_is_refused_by_name(tmp_path: Path, demands: dict[str, object], word: str) -> None:
    data = with_demands(tmp_path / "rule_data.json", **demands)
    error = refusal(lambda: build(tmp_path, rule_data=data))
    assert error.code == "rule_data_invalid"
    assert word in error.message


KINDS = ("signature", "provenance", "sbom")
BOARD = Quorum(authorities=("release", "ci"), threshold=2)


def served_demand(state: Path, demand: dict[str, object]) -> object:
    """What OPA is served for a demand of the rule data."""
    data = with_demands(state / "rule_data.json", authorities=dict.fromkeys(KINDS, demand))
    folder = build_generation(
        policies=POLICIES,
        rule_data=data,
        opa=OPA,
        state=state,
        authorities=["release", "ci"],
        quorums={"board": BOARD},
    )
    assert load_generation(folder).policy.named[TENANT, ENVIRONMENT][GapKind.SBOM] == {"release", "ci"}
    served = json.loads((folder / "bundle" / "rule_data" / "data.json").read_bytes())
    return served[TENANT][ENVIRONMENT]["authorities"]["sbom"]


def test_names_and_quorums_become_numbers_of_signers(tmp_path: Path) -> None:
    names = ["release", "ci"]
    both = [{"names": ["ci"], "count": 1}, {"names": ["release"], "count": 1}, {"names": ["ci", "release"], "count": 2}]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain = served_demand(tmp_path / "a", {"names": names, "threshold": 1})
    assert plain == {"names": names, "at_least": [{"names": names, "count": 1}]}
    assert served_demand(tmp_path / "b", {"quorum": "board"}) == {"names": names, "at_least": both}


@pytest.mark.parametrize(
    ("demand", "word"),
    [
        ({"quorum": "senate"}, "senate"),
        ({"quorum": "board", "threshold": 1}, "authorities"),
        ({"quorum": "board", "names": ["release"], "threshold": 1}, "authorities"),
        ({"names": ["release"]}, "authorities"),
        ({"names": ["release"], "threshold": 0}, "threshold"),
        ({"names": ["release"], "threshold": 1, "at_least": []}, "at_least"),
    ],
)
def test_a_demand_that_means_nothing_is_refused(tmp_path: Path, demand: dict[str, object], word: str) -> None:
    error = refusal(lambda: served_demand(tmp_path, demand))
    assert error.code == "rule_data_invalid"
    assert word in error.message
    assert served_demand(tmp_path, {"quorum": "board"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"a": {}, "a": {}}'])
def test_rule_data_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rule_data.json").write_text(text)
    error = refusal(lambda: build(tmp_path, rule_data=tmp_path / "rule_data.json"))
    assert error.code == "rule_data_invalid"


def test_an_engine_that_cannot_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "opa").write_text("no program")
    assert refusal(lambda: build(tmp_path, opa=tmp_path / "opa")).code == "opa_unusable"


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "bundle" / "main.rego").write_bytes(b"package assay.main\n"),
        lambda folder: (folder / "bundle" / "rule_data" / "data.json").write_bytes(b"{}"),
        lambda folder: (folder / "bundle" / "added.rego").write_bytes(b"package x\n"),
        lambda folder: (folder / "schema" / "assay.input.v1.json").unlink(),
        lambda folder: (folder / "index.json").write_bytes(b"{}"),
        lambda folder: (folder / "index.json").unlink(),
    ],
)
def test_a_damaged_generation_is_not_loaded(made: Path, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / made.name
    shutil.copytree(made, folder)
    assert load_generation(folder).bundle == folder / "bundle"
    damage(folder)
    error = refusal(lambda: load_generation(folder))
    assert error.code == "policy_generation_damaged"


@pytest.mark.parametrize("change", [lambda _: b"[]", lambda text: text + b" ", lambda _: b"no json"])
def test_an_index_that_this_release_did_not_write_is_refused(made: Path, change: Callable[[bytes], bytes]) -> None:
    octets = (made / "index.json").read_bytes()
    assert parse_index(octets, place="x").rules
    assert refusal(lambda: parse_index(change(octets), place="x")).code == "policy_generation_damaged"


def test_an_index_with_a_malformed_rule_is_refused(made: Path) -> None:
    index = json.loads((made / "index.json").read_bytes())
    index["rules"][0]["requires"] = "sbom"
    error = refusal(lambda: parse_index(json.dumps(index).encode(), place="x"))
    assert error.code == "policy_generation_damaged"
