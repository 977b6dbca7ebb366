"""A signer process in this process: the real server on a socket, and messages for it."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from assay.adapters.signing.server import SignerParts, listen_for_callers, run_signer
from assay.adapters.signing.signature_log import open_signature_log
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.domain.signing_rule import SigningRule
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement, Subject
from assay.formats.dsse import pae
from assay.formats.provenance import PREDICATE_TYPE as PROVENANCE
from assay.formats.statement import render_statement
from assay.ports import Clock, Signer
from assay.usecases.permit import permit
from tests.fakes.clock import FrozenClock
from tests.fakes.signing import FakeAuthority

BUILDER = "https://builder.test/release"
IMAGE = Digest.of(b"image")
RULE = SigningRule(predicate_types=frozenset({IMAGE_SIGNATURE, PROVENANCE}), builders=frozenset({BUILDER}))
LEGACY = SigningRule(simple_signing=True)
MANIFESTS = SigningRule(manifests=True)


def statement_message(predicate_type: str = IMAGE_SIGNATURE, predicate: Mapping[str, object] | None = None) -> bytes:
    """What is signed of a statement about the image."""
    statement = Statement(
        predicate_type=predicate_type, subjects=(Subject(digest=IMAGE),), predicate=dict(predicate or {})
    )
    return pae(PAYLOAD_TYPE, render_statement(statement))


def provenance_message(builder: str = BUILDER) -> bytes:
    """What is signed of provenance by a builder."""
    predicate = {"buildDefinition": {"buildType": "https://b.test/t"}, "runDetails": {"builder": {"id": builder}}}
    return statement_message(PROVENANCE, predicate)


def simple_signing_message(kind: str = "cosign container image signature") -> bytes:
    """What is signed of a legacy image signature."""
    image = {"docker-manifest-digest": str(IMAGE)}
    critical = {"identity": {"docker-reference": "r.test/a"}, "image": image, "type": kind}
    return json.dumps({"critical": critical, "optional": None}).encode()


@contextmanager
def running_signer(
    folder: Path,
    *,
    signer: Signer | None = None,
    rule: SigningRule = RULE,
    callers: frozenset[int] = frozenset({os.geteuid()}),  # the same for the life of a test run
    clock: Clock | None = None,
    seconds: float = 60,
    group: int | None = None,
) -> Iterator[Path]:
    """Serve until the end; yields the socket. The log is `signatures.log` beside it."""
    stop = threading.Event()
    path = folder / "signer.sock"
    with open_signature_log(folder / "signatures.log") as log, listen_for_callers(path, group=group) as listener:
        parts = SignerParts(
            signer=signer or FakeAuthority(),
            permit=partial(permit, rule=rule, limits=Limits()),
            callers=callers,
            log=log,
            clock=clock or FrozenClock(),
            seconds=seconds,
        )
        thread = threading.Thread(target=run_signer, args=(parts, listener), kwargs={"stop": stop})
        thread.start()
        try:
            yield path
        finally:
            stop.set()
            thread.join(60)
            assert not thread.is_alive()
