"""The grants of an installation and their rules."""

from assay.adapters.break_glass.grant_book import GrantBook
from assay.adapters.break_glass.grant_folder import GrantFolder
from assay.bootstrap.installation import Installation
from assay.usecases.break_glass import BreakGlass


def open_break_glass(installation: Installation) -> BreakGlass | None:
    """The grants, None when the configuration knows no break-glass; nothing is opened before it is asked for."""
    settings = installation.settings.break_glass
    if settings is None:
        return None
    folder = GrantFolder(installation.path(settings.grants), GrantBook(installation.state))
    return BreakGlass(grants=folder, rules=settings.rules)
