"""`assay signer serve`: a signer process from its configuration file."""

import grp
import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from assay.adapters.signing.server import SignerParts, listen_for_callers, run_signer
from assay.adapters.signing.signature_log import open_signature_log
from assay.bootstrap.installation import read_configuration
from assay.bootstrap.keys import open_signer
from assay.configuration.signer import SignerSettings, parse_signer_configuration
from assay.domain.errors import ConfigError
from assay.domain.limit import Limits
from assay.ports import Clock
from assay.usecases.permit import permit

_PASSWORD = "ASSAY_KEY_PASSWORD"  # noqa: S105  # the name of the variable


def serve_signer(file: Path, clock: Clock, *, stop: threading.Event, report: Callable[[str], None]) -> None:
    """Open key, log and socket, then answer until `stop` is set.

    Raises `ConfigError` and what the key's adapter raises before anybody is answered.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings, folder = parse_signer_configuration(read_configuration(file)), file.absolute().parent
    key = folder / settings.key if isinstance(settings.key, str) else settings.key
    signer = open_signer(key, password=os.environ.pop(_PASSWORD, "").encode())
    key_id = signer.public_key().key_id
    path = folder / settings.socket
    with (
        open_signature_log(folder / settings.log) as log,
        listen_for_callers(path, group=_find_group(settings)) as listener,
    ):
        parts = SignerParts(
            signer=signer,
            permit=partial(permit, rule=settings.rule, limits=Limits()),
            callers=settings.callers or frozenset({os.geteuid()}),
            log=log,
            clock=clock,
        )
        report(f"signer with key {key_id} listens on unix:{path}")
        run_signer(parts, listener, stop=stop)


def _find_group(settings: SignerSettings) -> int | None:
    if not settings.group:
        return None
    try:
        return grp.getgrnam(settings.group).gr_gid
    except KeyError as error:
        raise ConfigError(
            "configuration_invalid",
            f"group: there is no group {settings.group!r}",
            remedy="make it, or correct the name",
        ) from error
