"""The misuse suite's stage: a registry that lies, real OPA, and the webhook of this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.adapters.opa.generation import build_generation, load_generation
from assay_misuse.bench import Bench
from assay_misuse.policy import BOARD, KEYLESS, RELEASE, TENANT, Policy, rule_data
from assay_misuse.registry import LyingRegistry
from assay_misuse.signatory import Signatory
from tests.fakes.misuse_stage import Stage
from tests.fakes.signing import FakeAuthority
from tests.fixtures.engines import OPA, RunningOpa, running_opa, with_rule

SUBJECTS = """\
# METADATA
# scope: package
# title: Subjects
# description: Who may ask.
# schemas:
#   - input: schema.assay_request_v1
package assay.request.subject

import data.assay.lib.finding

unwelcome if input.request.k8s.namespace == "other"

unwelcome if input.request.k8s.service_account == "unwelcome"

# METADATA
# title: Welcome subject
# description: Neither namespace nor service account is unwelcome
# custom:
#   code: subject.welcome
#   severity: high
#   requires: []
#   counts: images
#   solution: Ask from elsewhere
#   owner: platform
deny contains found if {
	unwelcome
	some image in input.images
	about := {"term": "", "msg": "nobody is welcome from there", "evidence": []}
	found := finding.about(rego.metadata.rule(), image.key, about)
}

holds["subject.welcome"] if not unwelcome

checked["subject.welcome"] := count(input.images)
"""

RUNAWAY = """\
# METADATA
# scope: package
# title: Runaway
# description: A rule that does not come to an end.
# schemas:
#   - input: schema.assay_request_v1
package assay.request.runaway

import data.assay.lib.finding

endless if {
	input.request.environment == "runaway"
	some first in numbers.range(1, 100000)
	some second in numbers.range(1, 100000)
	first * second < 0
}

# METADATA
# title: Runaway
# description: Looks for what is not there
# custom:
#   code: runaway.ends
#   severity: high
#   requires: []
#   counts: images
#   solution: Wait
#   owner: platform
deny contains found if {
	endless
	some image in input.images
	about := {"term": "", "msg": "it came to an end", "evidence": []}
	found := finding.about(rego.metadata.rule(), image.key, about)
}

holds["runaway.ends"] if not endless

checked["runaway.ends"] := count(input.images)
"""


@pytest.fixture(scope="session")
def lying_registry() -> Iterator[LyingRegistry]:
    with LyingRegistry.serving() as registry:
        yield registry


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[LyingRegistry]:
    with LyingRegistry.serving() as registry:
        yield registry


@pytest.fixture(scope="session")
def opa(tmp_path_factory: pytest.TempPathFactory, lying_registry: LyingRegistry) -> Iterator[RunningOpa]:
    state = tmp_path_factory.mktemp("misuse")
    data = rule_data(lying_registry.host)
    standard = data[TENANT][Policy.STANDARD.value]
    for policy, code in ((Policy.SUBJECTS, "subject.welcome"), (Policy.RUNAWAY, "runaway.ends")):
        mandatory = {**standard["mandatory"], "request": [*standard["mandatory"]["request"], code]}
        data[TENANT][policy.value] = {**standard, "mandatory": mandatory}
    file = state / "rule-data.json"
    file.write_text(json.dumps(data))
    policies = with_rule(state / "policies", "request/subject.rego", SUBJECTS)
    (policies / "request" / "runaway.rego").write_text(RUNAWAY)
    folder = build_generation(
        policies=policies, rule_data=file, opa=OPA, state=state, authorities=[RELEASE, *BOARD, KEYLESS]
    )
    with running_opa(Path(state), load_generation(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def stage(opa: RunningOpa, lying_registry: LyingRegistry) -> Iterator[Stage]:
    made = Stage(opa.engine, lying_registry.host)
    yield made
    made.close()


@pytest.fixture(scope="session")
def misuse_bench(stage: Stage, lying_registry: LyingRegistry, elsewhere: LyingRegistry) -> Bench:
    return Bench(
        registry=lying_registry,
        elsewhere=elsewhere,
        release=Signatory(signer=FakeAuthority(RELEASE)),
        stranger=Signatory(signer=FakeAuthority("stranger")),
        board=tuple(Signatory(signer=FakeAuthority(name)) for name in BOARD),
        control=stage,
    )
