"""Who signs evidence: services of a signing config, and keys or identities that they stand behind."""

from collections.abc import Callable
from pathlib import Path

from assay.adapters.keyless.certificate import EphemeralSigner
from assay.adapters.keyless.identity_token import ask_for_token, find_ambient_token, read_token
from assay.adapters.witness.services import ServiceWitness
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.limit import Limits
from assay.formats.signing_config import SigningConfig, one_of, parse_signing_config
from assay.ports import Clock, EvidenceSigner
from assay.usecases.sign import Backing, KeyEvidenceSigner
from assay.verification.trust_root import TrustRoot


def back(signing_config: Path, root: TrustRoot, clock: Clock, begin: Callable[[], Deadline]) -> Backing:
    """The logs and timestamp authorities of a signing config, judged by a trust root; nobody is asked yet.

    `begin` gives the deadline of each signature.

    Raises `ConfigError(signing_config_unusable)`, also for a file that names neither; `OSError` for one that cannot be
    read.
    """
    try:
        return Backing(witness=_witness(_load(signing_config), clock, begin), root=root)
    except InvalidInput as error:
        raise _unusable(signing_config, error) from error


def certify(
    signing_config: Path, root: TrustRoot, clock: Clock, deadline: Deadline, *, token: str | None, login: bool
) -> EvidenceSigner:
    """A signer by identity, with its certificate: that of the token, else of this CI job, else of whoever logs in.

    Raises what `back` raises, `InvalidInput(identity_token_unusable)` without a token, and what the services raise.
    """
    try:
        config = _load(signing_config)
        witness = _witness(config, clock, lambda: deadline)
        authority = one_of(config.certificate_authorities.choose(clock.now()), "certificate authority").url
        provider = config.identity_providers.choose(clock.now())
    except InvalidInput as error:
        raise _unusable(signing_config, error) from error
    identity = read_token(token) if token is not None else find_ambient_token()
    if identity is None and login:
        identity = ask_for_token(one_of(provider, "identity provider").url)
    if identity is None:
        raise InvalidInput(
            "identity_token_unusable",
            "there is no identity token: none was given, and this is no CI job that has one",
            remedy="give --identity-token, or run at a terminal to log in with a browser",
        )
    signer = EphemeralSigner()
    certificate = signer.request_certificate(authority, identity, deadline)
    return KeyEvidenceSigner(signer, Backing(witness=witness, root=root, certificate=certificate))


def _load(path: Path) -> SigningConfig:
    return parse_signing_config(path.read_bytes(), limits=Limits())


def _witness(config: SigningConfig, clock: Clock, begin: Callable[[], Deadline]) -> ServiceWitness:
    logs, authorities = config.logs.choose(clock.now()), config.timestamp_authorities.choose(clock.now())
    if not logs:
        one_of(authorities, "log and no timestamp authority")
    return ServiceWitness(logs=logs, timestamp_authorities=authorities, begin=begin, limits=Limits())


def _unusable(file: Path, error: InvalidInput) -> ConfigError:
    return ConfigError("signing_config_unusable", f"{file}: {error.message}", remedy=error.remedy)
