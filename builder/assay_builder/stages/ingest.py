"""Stage 1, ingest: the only stage with network. Every locked input is in the store."""

from dataclasses import dataclass
from datetime import datetime

from assay_builder.confinement import SandboxIdentity
from assay_builder.parts import ContentStore, InputFetcher, Progress, Sandbox
from assay_builder.plan.lock import LockedInput
from assay_builder.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """A plan whose inputs are stored, and the sandbox that was proven to work before anything was fetched."""

    plan: Plan
    sandbox: SandboxIdentity
    started: datetime


def run(
    plan: Plan, *, sandbox: Sandbox, fetcher: InputFetcher, store: ContentStore, started: datetime, progress: Progress
) -> Ingested:
    """Fetch what the store lacks; raises what its parts raise, `input_digest_mismatch` first of all."""
    identity = sandbox.check()
    progress("sandbox", f"{identity.engine} {identity.version} confines here: no network, no capability")
    fetch_inputs(plan, fetcher=fetcher, store=store, progress=progress)
    return Ingested(plan=plan, sandbox=identity, started=started)


def fetch_inputs(plan: Plan, *, fetcher: InputFetcher, store: ContentStore, progress: Progress) -> None:
    """Fetch every input that the store lacks, checked while it streams."""
    missing = [item for item in plan.lock.inputs if not store.holds(item.digest)]
    for item in missing:
        _fetch(item, fetcher, store)
        progress("fetched", f"{item.name}, {item.size} bytes, {item.digest}")
    progress(
        "ingest",
        f"{len(plan.lock.inputs)} inputs of lock {plan.lock_digest} are stored by digest, {len(missing)} fetched now",
    )


def _fetch(item: LockedInput, fetcher: InputFetcher, store: ContentStore) -> None:
    with fetcher.fetch(item.path, largest=item.size) as pieces:
        store.add(item.name, item.digest, item.size, pieces)
