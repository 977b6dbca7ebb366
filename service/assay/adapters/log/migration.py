"""Bringing the database to this release's schema; apart, because its libraries are large and seldom needed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from assay.adapters.log.connection import read_generation
from assay.adapters.log.schema import GENERATION
from assay.domain.errors import ConfigError


def migrate(engine: Engine) -> None:
    """Bring the database to this release's schema; `ConfigError(schema_unknown)` for one of a later release."""
    configuration = Config()
    configuration.set_main_option("script_location", _escape(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if read_generation(connection) > GENERATION:
            raise ConfigError(
                "schema_unknown",
                "the decision log was written by a later release",
                remedy="start the release that wrote it, or a newer one",
            )
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def _escape(path: Path) -> str:
    return str(path).replace("%", "%%")  # the option goes through configparser
