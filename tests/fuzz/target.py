"""What is fuzzed: each target takes any bytes and returns, or something is wrong.

Whatever the bytes, what stands behind a target gives a value or the typed refusal with a code of its own; and what it
accepts as verified is one of the things that somebody really signed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from assay.domain.errors import AssayError, ConfigError, EvidenceRejected, InvalidInput
from assay.domain.reason import REJECTION_CODES
from tests.fuzz import evidence, part

EVIDENCE = frozenset(REJECTION_CODES) - {"internal"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One entrance: `run` takes any bytes and says whether they were accepted, `seeds` are inputs that get far.

    `form` says what the bytes are, so that they can be changed in their structure: `json`, `der`, `text` or
    `draws`. `refusals` are the codes that belong here.
    """

    run: Callable[[bytes], bool]
    seeds: Callable[[], Iterable[bytes]]
    form: str
    refusals: frozenset[str] = EVIDENCE

    def __call__(self, octets: bytes) -> None:
        """Return, or fail for anything but a value or a refusal that belongs here."""
        with suppress(InvalidInput, EvidenceRejected, ConfigError), self._judged():
            self.run(octets)

    @contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except AssayError as error:
            if error.code not in self.refusals or not error.message or not error.remedy:
                raise AssertionError(f"{error!r} does not belong here") from error
            raise


TARGETS: Mapping[str, Target] = {
    "evidence": Target(run=evidence.minted, seeds=evidence.minted_seeds, form="draws"),
    "bundle": Target(run=evidence.bundle, seeds=evidence.bundle_seeds, form="json"),
    "legacy": Target(
        run=evidence.legacy,
        seeds=evidence.legacy_seeds,
        form="json",
        refusals=frozenset({"json_malformed", "json_too_large"}),
    ),
    "trusted_root": Target(
        run=evidence.trusted_root,
        seeds=evidence.trusted_root_seeds,
        form="json",
        refusals=frozenset({"trusted_root_invalid"}),
    ),
    "log_body": Target(run=part.log_body, seeds=part.log_body_seeds, form="text"),
    "timestamp": Target(
        run=part.timestamp,
        seeds=part.timestamp_seeds,
        form="der",
        refusals=frozenset({"timestamp_malformed", "der_malformed"}),
    ),
    "checkpoint": Target(
        run=part.checkpoint,
        seeds=part.checkpoint_seeds,
        form="text",
        refusals=frozenset({"log_proof_invalid", "checkpoint_malformed"}),
    ),
    "certificate": Target(run=part.certificate, seeds=part.certificate_seeds, form="der"),
    "manifest": Target(
        run=part.manifest, seeds=part.manifest_seeds, form="json", refusals=frozenset({"config_malformed"})
    ),
    "statement": Target(run=part.statement, seeds=part.statement_seeds, form="json"),
    "public_key": Target(
        run=part.public_key,
        seeds=part.public_key_seeds,
        form="text",
        refusals=frozenset({"key_malformed", "key_unsupported"}),
    ),
}
