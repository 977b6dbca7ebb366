"""What somebody should look after before it denies: closing windows, ageing roots, authorities that nobody can meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.domain.identity import Authority, PublicKey
from assay.verification.trust_root import TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from assay.verification.window import Window


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class TrustFinding:
    """Something about a trust root or an authority, which `place` names as the configuration does."""

    place: str
    text: str


def inspect_trust(trust: TrustSnapshot, now: datetime, ahead: timedelta) -> Sequence[TrustFinding]:
    """Everything to look after, sorted; windows count when they close within `ahead`.

    A window that has closed already is how a party retires, so it is no finding by itself.
    """
    found = [TrustFinding(place=f"trust_roots.{name}", text=text) for name, text in trust.unavailable.items()]
    found += [TrustFinding(place=f"authorities.{name}", text=text) for name, text in trust.missing_keys()]
    for name, root in trust.roots.items():
        texts = (*root.warnings, *_closing(root, now, ahead), *_ageing(trust, name, now))
        found += [TrustFinding(place=f"trust_roots.{name}", text=text) for text in texts]
    for authority in trust.authorities:
        texts = (*_closing_keys(authority, now, ahead), *_unmeetable(authority, trust, now))
        found += [TrustFinding(place=f"authorities.{authority.name}", text=text) for text in texts]
    return sorted(found)


def find_parties(root: TrustRoot) -> Sequence[tuple[str, str, Window]]:
    """Everybody whom a trust root believes: kind, name and window."""
    return [
        *(("certificate authority", authority.uri, authority.window) for authority in root.authorities),
        *(("log", f"{log.base_url} (v{log.generation})", log.window) for log in root.logs.values()),
        *(("certificate log", log.base_url, log.window) for log in root.ct_logs.values()),
        *(("timestamp authority", authority.uri, authority.window) for authority in root.timestamp_authorities),
    ]


def _closing(root: TrustRoot, now: datetime, ahead: timedelta) -> Iterator[str]:
    for kind, name, window in find_parties(root):
        if window.end is not None and now <= window.end <= now + ahead:
            yield f"the window of the {kind} {name} closes at {window.end.isoformat()}"


def _ageing(trust: TrustSnapshot, name: str, now: datetime) -> Iterator[str]:
    confirmed, until = trust.origins[name].fetched_at, trust.origins[name].trusted_until
    if confirmed is not None and until is not None and now - confirmed > (until - confirmed) / 2:
        yield f"last confirmed at {confirmed.isoformat()}, it is trusted until {until.isoformat()}"


def _closing_keys(authority: Authority, now: datetime, ahead: timedelta) -> Iterator[str]:
    for key in authority.keys:
        if key.valid_until is not None and now <= key.valid_until <= now + ahead:
            yield f"the window of the key {key.key_id.hex[:12]} closes at {key.valid_until.isoformat()}"


def _unmeetable(authority: Authority, trust: TrustSnapshot, now: datetime) -> Iterator[str]:
    """Why nothing that is signed from now on can meet the authority."""
    root = trust.roots.get(authority.root)
    if root is not None:
        yield from _unprovable(root, now)
    if authority.root in trust.unavailable:
        yield f"the trust root {authority.root} is not available"
    elif authority.missing_keys or any(_open(key, now) for key in authority.keys):
        return
    elif not _issues(authority, root, now):
        yield "none of its keys and certificate authorities can sign any more"


def _unprovable(root: TrustRoot, now: datetime) -> Iterator[str]:
    logs = sum(_still_open(log.window, now) for log in root.logs.values())
    ct_logs = sum(_still_open(log.window, now) for log in root.ct_logs.values())
    stampers = any(_still_open(item.window, now) and not item.unsuitable for item in root.timestamp_authorities)
    profile = root.profile
    if profile.log_entries > logs:
        yield f"{profile.log_entries} log entries are demanded, and {logs} logs of the trust root are open"
    if profile.scts > ct_logs:
        yield f"{profile.scts} SCTs are demanded, and {ct_logs} certificate logs of the trust root are open"
    if profile.timestamps and not stampers:
        yield "timestamps are demanded, and no timestamp authority of the trust root may stamp"


def _issues(authority: Authority, root: TrustRoot | None, now: datetime) -> bool:
    if root is None or not authority.identities:
        return False
    return any(_still_open(item.window, now) for item in root.authorities)


def _open(key: PublicKey, now: datetime) -> bool:
    return key.valid_until is None or now <= key.valid_until


def _still_open(window: Window, now: datetime) -> bool:
    return window.end is None or now <= window.end
