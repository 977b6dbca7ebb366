"""The command line that serves one generation of policy."""

from pathlib import Path


def opa_command(opa: Path, socket: Path, bundle: Path) -> list[str]:
    """The command that serves a bundle folder on a unix socket with mode 0600.

    The folder of the socket must be private: whoever reaches the socket may ask questions. The bundle's own
    `system.authz` refuses everything but the two questions and health. No version check, no telemetry, no
    configuration file; only errors are logged, never inputs.
    """
    return [
        str(opa),
        "run",
        "--server",
        "--addr",
        f"unix://{socket}",
        "--unix-socket-perm",
        "600",
        "--authorization",
        "basic",
        "--skip-version-check",
        "--log-level",
        "error",
        "--shutdown-grace-period",
        "5",
        "--bundle",
        str(bundle),
    ]
