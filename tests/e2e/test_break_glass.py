"""The emergency, rehearsed: an image without evidence, a grant for it, and what is left afterwards."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from demo.admission import review_of_pod, send_review
from demo.stack import ENVIRONMENT, TENANT, Stack, run_assay
from demo.variant import Workbench
from tests.fixtures.stacks import MakeSpare, Spare, workbench

pytestmark = pytest.mark.tools

SETTINGS = """\
break_glass:
  grants: grants
  authorities: [release]
  most_hours: 8
  most_uses: 10
  unsafe_grants_without_client_ca: true
"""


@dataclass(frozen=True, kw_only=True)
class Emergency:
    """A stack with a folder for grants, and a registry to push images to that nobody signed."""

    stack: Stack
    bench: Workbench

    def push(self, name: str) -> str:
        return f"{self.bench.repository}@{self.bench.push_variant(name).digest}"

    def grant(self, image: str, *words: str) -> str:
        """Have a grant for an image signed, and put it where the service looks; its id."""
        folder = self.stack.folder / "grants"
        folder.mkdir(exist_ok=True)
        where = ["--tenant", TENANT, "--environment", ENVIRONMENT, "--namespace", "default"]
        why = ["--reason", "the scanner is down", "--ticket", "OPS-1", "--owner", "alice"]
        key = ["--key", str(self.stack.folder / "keys" / "cosign.key"), "--digest", image.partition("@")[2]]
        target = ["--to", str(folder / f"{len(list(folder.iterdir()))}.json"), "--output", "json"]
        done = run_assay("break-glass", "create", *key, *where, *why, *target, *words)
        return str(json.loads(done.stdout)["grant"])

    def ask(self, image: str, hook: str = "validate", *, dry_run: bool = False) -> dict[str, Any]:
        return send_review(self.stack, hook, review_of_pod(image, dry_run=dry_run))

    def uses(self, grant: str) -> tuple[int, bool]:
        """How often a grant was used, and whether it holds."""
        config = ["--config", str(self.stack.configuration), "--output", "json"]
        listed = json.loads(run_assay("break-glass", "list", *config).stdout)["grants"]
        return next((item["used"], item["holds"]) for item in listed if item["grant"] == grant)


@pytest.fixture(scope="module")
def emergency(make_spare: MakeSpare) -> Iterator[Emergency]:
    spare: Spare = make_spare(settings=SETTINGS)
    spare.stack.start()
    with workbench(spare.stack, spare.released) as bench:
        yield Emergency(stack=spare.stack, bench=bench)


def test_a_grant_allows_an_image_until_it_is_used_up_and_a_restart_gives_nothing_back(emergency: Emergency) -> None:
    image = emergency.push("used up")
    assert not emergency.ask(image)["allowed"]
    grant = emergency.grant(image, "--uses", "2")
    assert emergency.ask(image, dry_run=True)["allowed"]
    assert emergency.uses(grant) == (0, True)
    hooks = ("mutate", "validate", "validate", "validate")
    assert [emergency.ask(image, hook)["allowed"] for hook in hooks] == [True, True, True, False]
    emergency.stack.stop_service()
    emergency.stack.start_service()
    assert not emergency.ask(image)["allowed"]
    assert emergency.uses(grant) == (2, False)


def test_whoever_is_let_in_is_warned_and_the_log_says_why(emergency: Emergency) -> None:
    image = emergency.push("recorded")
    grant = emergency.grant(image)
    response = emergency.ask(image)
    assert any("break_glass" in warning for warning in response["warnings"])
    url = f"{emergency.stack.service_url}/v1/decisions/{response['auditAnnotations']['decision']}"
    decision = requests.get(url, timeout=20).json()
    demanded = [finding for finding in decision["findings"] if not finding["code"].startswith("workload.")]
    told = {finding["code"]: finding["status"] for finding in demanded}
    assert (decision["verdict"], told.pop("break_glass")) == ("allow", "warning")
    assert set(told.values()) == {"waived"}
    assert grant in json.dumps(decision)


def test_a_revoked_grant_allows_nothing(emergency: Emergency) -> None:
    image = emergency.push("revoked")
    grant = emergency.grant(image)
    assert emergency.ask(image)["allowed"]
    words = ["--config", str(emergency.stack.configuration), "--reason", "over", grant]
    run_assay("break-glass", "revoke", *words)
    assert not emergency.ask(image)["allowed"]
    assert emergency.uses(grant) == (1, False)


def test_a_grant_allows_nothing_but_its_own_digest(emergency: Emergency) -> None:
    granted, other = emergency.push("granted"), emergency.push("not granted")
    emergency.grant(granted)
    assert [emergency.ask(image)["allowed"] for image in (granted, other)] == [True, False]


def test_not_even_the_registry_has_to_answer(emergency: Emergency) -> None:
    image = emergency.push("without registry")
    emergency.grant(image)
    emergency.stack.registry.stop()
    try:
        assert emergency.ask(image)["allowed"]
    finally:
        emergency.stack.registry.start()
