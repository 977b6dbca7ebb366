"""Replacing the webhook's certificate and its authority while the API server keeps calling.

Each certificate has an authority of its own whose key was never kept, so a rotation replaces both, in three steps:
`stage` issues the next pair and adds its authority to the bundle, `switch` serves it, `finish` takes the old authority
out of the bundle. Between two steps the API server gets the new bundle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from assay.domain.errors import ConfigError
from assay_webhooks.certificate import LONGEST_LIFETIME, CertificateFiles, issue_serving_certificate

_RENEWAL = 2 / 3
_TOLERANCE = timedelta(minutes=10)


class Step(StrEnum):
    """The steps of a rotation, in order."""

    STAGE = "stage"
    SWITCH = "switch"
    FINISH = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateState:
    """What lies in the folder of a webhook's certificates: the bundle, the pair that serves, the pair that is next."""

    bundle_pem: bytes
    serving: CertificateFiles
    staged: CertificateFiles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReport:
    """What there is to say of the certificate that serves; `problems` is empty when nothing is to be done."""

    names: tuple[str, ...]
    ends: datetime
    renew_at: datetime
    problems: tuple[str, ...] = field(default=())


def make_certificates(names: Sequence[str], now: datetime, lifetime: timedelta) -> CertificateState:
    """The first certificates of a webhook; raises what `issue_serving_certificate` raises."""
    files = issue_serving_certificate(names, now, lifetime)
    return CertificateState(bundle_pem=files.ca_pem, serving=files)


def take_step(state: CertificateState, step: Step, now: datetime) -> CertificateState:
    """The state after a step; the same state when the step was taken already.

    The next certificate has the names and the lifetime of the one that serves. Raises `ConfigError`:
    `rotation_out_of_order` for a step before its time, `certificate_unreadable`.
    """
    if step is Step.STAGE:
        return _stage(state, now)
    return _switch(state) if step is Step.SWITCH else _finish(state)


def inspect_certificates(state: CertificateState, now: datetime) -> CertificateReport:
    """Look at the pair that serves: does it belong together, is it in the bundle, is it time to renew it.

    Raises `ConfigError(certificate_unreadable)`.
    """
    certificate = _certificate(state.serving.certificate_pem)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    renew_at = begin + (end - begin) * _RENEWAL
    defects = {
        "the key is not that of the certificate": not _is_key_of(state.serving.key_pem, certificate),
        "no authority of ca.crt has issued the certificate": _issuer(state, certificate, now) is None,
        f"it lives for more than {LONGEST_LIFETIME.days} days": end - begin > LONGEST_LIFETIME + _TOLERANCE,
        "it is not valid yet": now < begin,
        "it has ended": now > end,
        f"renewal is due since {renew_at.isoformat()}": renew_at <= now <= end,
    }
    problems = tuple(problem for problem, applies in defects.items() if applies)
    return CertificateReport(names=_names(certificate), ends=end, renew_at=renew_at, problems=problems)


def _stage(state: CertificateState, now: datetime) -> CertificateState:
    if state.staged is None:
        serving = _certificate(state.serving.certificate_pem)
        life = serving.not_valid_after_utc - serving.not_valid_before_utc
        lifetime = min(timedelta(days=max(life.days, 1)), LONGEST_LIFETIME)
        try:
            staged = issue_serving_certificate(_names(serving), now, lifetime)
        except ConfigError as error:
            raise _unreadable(error.message) from error
        state = replace(state, staged=staged)
    staged_ca = state.staged.ca_pem if state.staged else b""
    if staged_ca in state.bundle_pem:
        return state
    return replace(state, bundle_pem=state.bundle_pem.rstrip(b"\n") + b"\n" + staged_ca)


def _switch(state: CertificateState) -> CertificateState:
    if state.staged is None:
        if len(_bundle(state.bundle_pem)) > 1:
            return state
        raise _out_of_order("nothing is staged", Step.STAGE)
    if state.staged.ca_pem not in state.bundle_pem:
        raise _out_of_order("the bundle does not hold the next authority", Step.STAGE)
    return replace(state, serving=state.staged, staged=None)


def _finish(state: CertificateState) -> CertificateState:
    if state.staged is not None:
        raise _out_of_order("the next certificate does not serve yet", Step.SWITCH)
    certificate = _certificate(state.serving.certificate_pem)
    issuers = [authority for authority in _bundle(state.bundle_pem) if _has_issued(authority, certificate)]
    if not issuers:
        raise _unreadable("no authority of ca.crt has issued the certificate")
    return replace(state, bundle_pem=issuers[0].public_bytes(Encoding.PEM))


def _issuer(state: CertificateState, certificate: x509.Certificate, now: datetime) -> x509.Certificate | None:
    for authority in _bundle(state.bundle_pem):
        if _has_issued(authority, certificate) and now <= authority.not_valid_after_utc:
            return authority
    return None


def _has_issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _is_key_of(key_pem: bytes, certificate: x509.Certificate) -> bool:
    try:
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise _unreadable("the key is no unencrypted PEM key") from error
    return key.public_key() == certificate.public_key()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise _unreadable("the certificate has no names") from error
    return tuple(str(name.value) for name in names)


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise _unreadable("the certificate is no PEM certificate") from error


def _bundle(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise _unreadable("ca.crt is no PEM file of certificates") from error


def _out_of_order(why: str, first: Step) -> ConfigError:
    return ConfigError("rotation_out_of_order", why, remedy=f"take the step `{first}` first")


def _unreadable(why: str) -> ConfigError:
    return ConfigError(
        "certificate_unreadable", why, remedy="make new certificates with `assay webhook certificates make`"
    )
