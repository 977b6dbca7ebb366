"""Events out of what a registry wrote; whatever their format, they are made here."""

from datetime import UTC, datetime

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.notification import LARGEST_NOTIFICATION, Action, NotificationSource, RegistryEvent
from assay.domain.reference import Repository
from assay.formats.open_object import OpenObject
from assay.formats.strict_json import parse_json

_MALFORMED = "notification_malformed"
MOST_EVENTS = 256
_REMEDY = "check what sends it, and the kind of its source"
_DEPTH = 32
_STRUCTURE = 100_000
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def open_notification(octets: bytes) -> OpenObject:
    """The JSON object of a notification.

    Members that nobody asks for are left alone: a registry may add some. Raises
    `InvalidInput(json_too_large | json_malformed | notification_malformed)`.
    """
    document = parse_json(
        octets, what="the notification", largest=LARGEST_NOTIFICATION, depth=_DEPTH, structure=_STRUCTURE
    )
    return OpenObject(document, place="notification", code=_MALFORMED, remedy=_REMEDY)


def make_event(
    source: NotificationSource, action: Action, path: str, *, tag: str, digest: str, at: datetime | None
) -> RegistryEvent:
    """The event about a repository of the source's registry; `tag` and `digest` may be empty, that of a push not.

    Raises `InvalidInput(notification_malformed)` for what no registry could have.
    """
    if action is Action.PUSH and not digest:
        raise malformed("a push names no digest")
    try:
        return RegistryEvent(
            action=action,
            repository=Repository.on(source.registry, path),
            tag=tag,
            digest=Digest(digest) if digest else None,
            at=at,
        )
    except InvalidInput as error:
        raise malformed(error.message) from error


def require_few(events: int) -> None:
    """Refuse a notification of too many events at once."""
    if events > MOST_EVENTS:
        raise malformed(f"it holds {events} events, more than {MOST_EVENTS}")


def parse_moment(text: str) -> datetime:
    """The moment that an RFC 3339 time names."""
    unusable = malformed(f"{text[:40]!r} is no time of an event")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise unusable from error
    if moment.tzinfo is None:
        raise unusable
    return moment


def parse_seconds(value: object) -> datetime:
    """The moment that a number of seconds since 1970 names."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise malformed("the time of an event is no number of seconds")
    return datetime.fromtimestamp(value, UTC)


def malformed(why: str) -> InvalidInput:
    """The error for a notification that no registry sends."""
    return InvalidInput(_MALFORMED, f"the notification cannot be used: {why}", remedy=_REMEDY)
