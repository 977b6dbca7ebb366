"""Checking a configuration with everything it names, as `assay serve` would use it."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace

from assay.adapters.clock import SystemClock
from assay.adapters.opa.generation import load_generation
from assay.bootstrap.incidents import open_owners
from assay.bootstrap.installation import Installation
from assay.bootstrap.notifications import open_secrets
from assay.bootstrap.registry import service_access, service_credentials
from assay.bootstrap.serve import make_generation, require_tls_files
from assay.verification.trust_root import TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot


def inspect_installation(installation: Installation) -> Sequence[tuple[str, str]]:
    """Look at every part; (part, what was found). Leaves no trace: the policy is built in a scratch folder.

    Raises `ConfigError` for the first part that could not be used.
    """
    settings = installation.settings
    trust = installation.load_trust().at(SystemClock().now())
    with tempfile.TemporaryDirectory() as scratch:
        elsewhere = replace(installation, settings=replace(settings, state=scratch))
        policy = load_generation(make_generation(elsewhere)).policy
    service_access(installation)
    service_credentials(installation)
    if settings.notifications is not None:
        open_secrets(installation, settings.notifications)
    require_tls_files(installation)
    keys = sum(len(authority.keys) for authority in trust.authorities)
    identities = sum(len(authority.identities) for authority in trust.authorities)
    tenants = sorted({f"{tenant}/{environment}" for tenant, environment, _ in policy.mandatory})
    return [
        ("trust", f"{len(trust.authorities)} authorities, {keys} keys, {identities} identities"),
        *(("trust root", f"{name}: {_describe_root(root)}") for name, root in trust.roots.items()),
        *(("warning", warning) for warning in _find_warnings(installation, trust)),
        ("policy", f"{len(policy.rules)} rules, bundle {policy.bundle}"),
        ("rule data", f"for {', '.join(tenants)}"),
        ("opa", f"{policy.opa}"),
        *_find_break_glass(installation),
        *_find_immutable_tags(installation),
        *(
            (name, f"listens on {server.listen}{' with TLS' if server.tls else ''}")
            for name, server in settings.servers.items()
        ),
    ]


def _describe_root(root: TrustRoot) -> str:
    return (
        f"{len(root.authorities)} certificate authorities, {len(root.logs)} logs, {len(root.ct_logs)} CT logs, "
        f"{len(root.timestamp_authorities)} timestamp authorities, {root.digest}"
    )


def _find_warnings(installation: Installation, trust: TrustSnapshot) -> list[str]:
    """What can be used and is probably not what was meant."""
    patterns = [
        f"authorities.{authority.name}: {warning}"
        for authority in installation.settings.trust.authorities
        for pattern in authority.identities
        for warning in pattern.find_warnings()
    ]
    missing = [f"trust_roots.{name}: {why}" for name, why in sorted(trust.unavailable.items())]
    roots = [f"trust_roots.{name}: {text}" for name, root in trust.roots.items() for text in root.warnings]
    keys = [f"authorities.{name}: {text}" for name, text in trust.missing_keys()]
    return patterns + missing + keys + roots


def _find_break_glass(installation: Installation) -> list[tuple[str, str]]:
    settings = installation.settings.break_glass
    if settings is None:
        return []
    quorum = settings.rules.quorum
    who = f"{quorum.threshold} of {', '.join(quorum.authorities)}"
    return [("break-glass", f"{who}, at most {settings.rules.longest} and {settings.rules.most_uses} uses")]


def _find_immutable_tags(installation: Installation) -> list[tuple[str, str]]:
    settings = installation.settings.immutable_tags
    if settings is None:
        return []
    owners = open_owners(installation, settings)
    return [("immutable tags", f"{len(settings.rules)} rules, owners: {', '.join(owners) or 'nobody'}")]
