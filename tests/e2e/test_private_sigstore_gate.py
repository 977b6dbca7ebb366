"""The service's gate with authorities by identity, asked about images whose evidence real parts made."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from assay.adapters.service.client import HttpServiceClient
from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.gate import FromRegistry, GateAnswer, GateQuestion
from assay.domain.reference import Repository
from demo.refusal import codes_of
from demo.stack import ENVIRONMENT, Stack
from demo.variant import Workbench
from tests.fakes.trusted_root import Span
from tests.fixtures.signed_images import MANNERS, Signatory, Trust
from tests.fixtures.stacks import DistributionServer, MakeSpare, Released, copy_image, deadline
from tests.fixtures.trust_flaws import FLAWS

pytestmark = pytest.mark.tools

DOCUMENTS = {"slsaprovenance1": "provenance.json", "spdxjson": "sbom.spdx.json"}
PROFILE = {"log_entries": 1, "scts": 1, "timestamps": 1}
PERSON, JOB = "rekor v2", "job"
JOB_CLAIMS = {"build_trigger": "push", "runner_environment": "self-hosted"}
REGISTRIES = ("referrers API", "fallback tag")


@dataclass(frozen=True, kw_only=True)
class Keyless:
    """A service that trusts certificates, and images of the two registries by registry and manner of signing."""

    stack: Stack
    signatory: Signatory
    images: Mapping[tuple[str, str], Artefact]

    @contextmanager
    def trusting(self, trust: Trust, profile: Mapping[str, int]) -> Iterator[None]:
        """Run the service alone, without the webhook, with one authority and one trust root."""
        self.stack.write_configuration()
        configuration = yaml.safe_load(self.stack.configuration.read_text())
        del configuration["webhook"]
        configuration["authorities"] = {"release": trust.for_assay()}
        configuration["trust_roots"] = {"own": {"file": str(trust.root), "profile": dict(profile)}}
        self.stack.configuration.write_text(yaml.safe_dump(configuration))
        self.stack.start_service()
        try:
            yield
        finally:
            self.stack.stop_service()

    def ask(self, registry: str, manner: str) -> GateAnswer:
        """Ask the running service about an image."""
        artefact = self.images[registry, manner]
        client = HttpServiceClient(self.stack.service_url)
        try:
            question = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())
            return client.ask(question, deadline())
        finally:
            client.close()

    def trust(self, manner: str) -> Trust:
        """Trust in the signer of a manner, in the job with further claims."""
        found = self.signatory.trust(MANNERS[manner])
        return found if manner == PERSON else replace(found, conditions={"extensions": JOB_CLAIMS})


def publish(signatory: Signatory, bench: Workbench, repository: Repository, manner: str, released: Released) -> Digest:
    """Push an image and let cosign sign it and attest what the gate demands."""
    image = bench.push_variant(f"keyless {manner}")
    copy_image(bench, image.digest, repository)
    name = f"{repository}@{image.digest}"
    signatory.run(MANNERS[manner], "sign", name)
    for kind, document in DOCUMENTS.items():
        predicate = str(released.predicate(document))
        signatory.run(MANNERS[manner], "attest", "--type", kind, "--predicate", predicate, name)
    return image.digest


@pytest.fixture(scope="module")
def keyless(
    make_spare: MakeSpare,
    stack: Stack,
    bench: Workbench,
    released: Released,
    distribution: DistributionServer,
    signatory: Signatory,
) -> Keyless:
    hosts = dict(zip(REGISTRIES, (stack.registry.host, distribution.host), strict=True))
    images = {}
    for registry, host in hosts.items():
        for manner in (PERSON, JOB):
            repository = Repository(registry=host, path=f"age/{manner.replace(' ', '-')}")
            digest = publish(signatory, bench, repository, manner, released)
            images[registry, manner] = Artefact(repository=repository, digest=digest)
    spare = make_spare().stack
    spare.workers = 1
    spare.contacted, spare.allowed = tuple(hosts.values()), tuple(f"{host}/age" for host in hosts.values())
    return Keyless(stack=spare, signatory=signatory, images=images)


@pytest.mark.parametrize("manner", [PERSON, JOB])
def test_the_gate_allows_what_the_named_signer_alone_signed(keyless: Keyless, manner: str) -> None:
    other = JOB if manner == PERSON else PERSON
    with keyless.trusting(keyless.trust(manner), PROFILE):
        for registry in REGISTRIES:
            allowed, refused = keyless.ask(registry, manner), keyless.ask(registry, other)
            assert allowed.verdict is Verdict.ALLOW, allowed.findings
            assert (refused.verdict is Verdict.ALLOW, refused.retryable) == (False, False)
            assert "identity_mismatch" in codes_of(refused)


@pytest.mark.parametrize("flaw", ["another authority", "another TSA", "tiled log closed"])
def test_the_gate_refuses_under_a_trust_root_with_a_flaw(keyless: Keyless, flaw: str) -> None:
    now = datetime.now(UTC)
    ended: Span = (now - timedelta(days=2), now - timedelta(days=1))
    root = FLAWS[flaw].spoil(keyless.signatory.sigstore, ended)
    with keyless.trusting(replace(keyless.trust(PERSON), root=root), PROFILE):
        refused = keyless.ask("referrers API", PERSON)
    assert (refused.verdict is Verdict.ALLOW, refused.retryable) == (False, False)
    assert FLAWS[flaw].code in codes_of(refused)


def test_the_gate_refuses_under_a_profile_that_demands_more(keyless: Keyless) -> None:
    with keyless.trusting(keyless.trust(PERSON), {**PROFILE, "log_entries": 2}):
        refused = keyless.ask("referrers API", PERSON)
    assert refused.verdict is not Verdict.ALLOW
    assert "trust_profile_unmet" in codes_of(refused)


def test_the_gate_refuses_a_job_without_a_claim(keyless: Keyless) -> None:
    claims = {"extensions": {**JOB_CLAIMS, "runner_environment": "github-hosted"}}
    with keyless.trusting(replace(keyless.trust(JOB), conditions=claims), PROFILE):
        refused = keyless.ask("referrers API", JOB)
    assert refused.verdict is not Verdict.ALLOW
    assert "identity_mismatch" in codes_of(refused)
