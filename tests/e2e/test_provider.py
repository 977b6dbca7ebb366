"""The provider for Gatekeeper, behind `assay serve`: TLS 1.3, a client certificate, an answer in time."""

import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.reference import Repository
from assay_webhooks.provider.request import MOST_KEYS
from demo.stack import ENVIRONMENT, TENANT, run_assay
from tests.e2e.process_tree import stands_still
from tests.e2e.provider_client import GATEKEEPER, Files, ask_provider, provider_settings
from tests.fakes.client_certificate import ClientAuthority
from tests.fixtures.stacks import MakeSpare, Spare, copy_image, workbench

pytestmark = pytest.mark.tools


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A running stack with a provider, and the authority of its clients."""

    spare: Spare
    authority: ClientAuthority
    client: Files
    unsigned: str

    def ask(
        self,
        purpose: str,
        *keys: str,
        client: Files | None = None,
        newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> dict[str, Any]:
        """Ask on a connection of its own; the `response` of the answer."""
        return ask_provider(self.spare.stack, purpose, *keys, client=client, newest=newest)


@pytest.fixture(scope="module")
def guarded(make_spare: MakeSpare) -> Guarded:
    spare = make_spare(settings=provider_settings(TENANT, ENVIRONMENT))
    authority = ClientAuthority(folder=spare.stack.folder)
    authority.write_ca()
    spare.stack.start()
    bare = Repository(registry=spare.released.repository.registry, path="bare")
    with workbench(spare.stack, spare.released) as bench:
        copy_image(bench, spare.released.digest, bare)
    return Guarded(
        spare=spare,
        authority=authority,
        client=authority.issue(GATEKEEPER),
        unsigned=f"{bare}@{spare.released.digest}",
    )


def values(response: dict[str, Any]) -> dict[str, Any]:
    return {item["key"]: item.get("value") for item in response["items"]}


def test_signed_is_allowed_and_unsigned_denied_each_with_a_recorded_decision(guarded: Guarded) -> None:
    signed = guarded.spare.released.pinned
    told = values(guarded.ask("validate", signed, guarded.unsigned, client=guarded.client))
    assert (told[signed]["allow"], told[signed]["digest"]) == (True, str(guarded.spare.released.digest))
    assert told[guarded.unsigned]["allow"] is False
    assert "signature.authority" in told[guarded.unsigned]["reason"]
    service = guarded.spare.stack.service_url
    listed = json.loads(
        run_assay("audit", "list", "--kind", "provider", "--output", "json", "--service", service).stdout
    )
    verdicts = {entry["id"]: entry["verdict"] for entry in listed["decisions"]}
    assert verdicts[told[signed]["decision_id"]] == "allow"
    assert verdicts[told[guarded.unsigned]["decision_id"]] != "allow"


def test_a_tag_is_pinned_for_mutation_and_refused_for_validation(guarded: Guarded) -> None:
    released = guarded.spare.released
    response = guarded.ask("mutate", released.tagged, client=guarded.client)
    assert response["idempotent"] is True
    assert values(response) == {released.tagged: f"{released.tagged}@{released.digest}"}
    (item,) = guarded.ask("validate", released.tagged, client=guarded.client)["items"]
    assert item["error"].startswith("digest_required")


def test_too_many_keys_are_refused_together(guarded: Guarded) -> None:
    keys = [f"{guarded.spare.released.repository}@{Digest.of(bytes([number]))}" for number in range(MOST_KEYS + 1)]
    response = guarded.ask("validate", *keys, client=guarded.client)
    assert (response["items"], response["systemError"].partition(":")[0]) == ([], "provider_keys_exceeded")


def test_without_a_certificate_of_the_authority_nobody_is_heard(guarded: Guarded, tmp_path: Path) -> None:
    stranger = ClientAuthority(folder=tmp_path).issue(GATEKEEPER)
    for client in (None, stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            guarded.ask("validate", guarded.spare.released.pinned, client=client)
    assert guarded.ask("validate", guarded.spare.released.pinned, client=guarded.client)["items"]


def test_a_certificate_for_another_name_is_not_enough(guarded: Guarded) -> None:
    other = guarded.authority.issue("other.svc", common_name=GATEKEEPER)
    response = guarded.ask("validate", guarded.spare.released.pinned, client=other)
    assert response["systemError"].startswith("provider_client_unknown")


def test_tls_1_2_is_not_spoken(guarded: Guarded) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        guarded.ask("validate", guarded.spare.released.pinned, client=guarded.client, newest=ssl.TLSVersion.TLSv1_2)


@pytest.mark.parametrize(("purpose", "seconds"), [("validate", 2.5), ("mutate", 0.8)])
def test_a_registry_that_stands_still_is_told_in_time(guarded: Guarded, purpose: str, seconds: float) -> None:
    key = f"{guarded.spare.released.repository}@{Digest.of(purpose.encode())}"
    process = guarded.spare.stack.registry.process
    assert process is not None
    with stands_still(process.pid):
        begun = time.monotonic()
        response = guarded.ask(purpose, key, client=guarded.client)
        elapsed = time.monotonic() - begun
    assert response["idempotent"] is False
    told = [item.get("error") or item["value"]["reason"] for item in response["items"]]
    # A machine that is busy enough leaves no time to ask anybody.
    assert told == [] or "may be allowed later" in told[0]
    assert told or response["systemError"].startswith("deadline_exceeded")
    # What was waited for is the registry alone: on a busy machine connecting and answering take what they take.
    assert seconds * 0.5 < elapsed < seconds + 20
