"""Immutable tags, and who hears of incidents."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from urllib3 import PoolManager

from assay.adapters.owner.hook import OwnerHook
from assay.adapters.registry.connection import open_pools, trusting
from assay.adapters.secret.secret_file import SecretFiles
from assay.adapters.tag.tag_book import SqliteTagBook
from assay.bootstrap.installation import Installation
from assay.configuration.settings import ImmutableTagSettings
from assay.domain.incident import Incident
from assay.ports.incident import Owner
from assay.usecases.report_incidents import IncidentDesk
from assay.usecases.tag_guard import TagGuard
from assay.verification.tag_rule import find_rule


def open_tag_guard(installation: Installation) -> TagGuard | None:
    """The rules with the book; None when no tag is declared immutable."""
    settings = installation.settings.immutable_tags
    if settings is None:
        return None
    return TagGuard(rules=settings.rules, book=SqliteTagBook(installation.state))


def open_owners(installation: Installation, settings: ImmutableTagSettings) -> Mapping[str, Owner]:
    """The owners by name; `ConfigError(secret_unusable)` naming the file."""
    return {
        owner.name: OwnerHook(
            owner.url,
            name=owner.name,
            secrets=SecretFiles([installation.path(owner.secret)]).read,
            open_pools=partial(_open_pools, installation.path(owner.ca) if owner.ca else None),
        )
        for owner in settings.owners
    }


def _open_pools(authority: Path | None) -> PoolManager:
    return open_pools(trusting(authority), public_addresses_only=False)


def open_incident_desk(installation: Installation) -> IncidentDesk | None:
    """The desk that reports incidents; None when no tag is declared immutable."""
    settings, webhook = installation.settings.immutable_tags, installation.settings.webhook
    if settings is None or webhook is None:
        return None
    owners = open_owners(installation, settings)

    def find_owner(incident: Incident) -> Owner | None:
        rule = find_rule(settings.rules, incident.repository, incident.tag)
        return owners.get(rule.owner) if rule is not None else None

    return IncidentDesk(
        outbox=SqliteTagBook(installation.state),
        find_owner=find_owner,
        scopes=webhook.scopes,
    )
