"""The `assay` command."""

import sys

from assay.bootstrap.composition import SystemComposition
from assay.cli.application import application
from assay.cli.failure import report_failure
from assay.cli.outcome import ExitCode


def main() -> None:
    """Run the command line; every exception ends in one of the documented exit codes."""
    try:
        status = application(obj=SystemComposition(), standalone_mode=False)
    except SystemExit:  # click's answer to a closed pipe is 1, which stands for a denial here
        status = int(ExitCode.INTERNAL)
    except Exception as error:  # noqa: BLE001  # the one boundary of this entry point
        status = report_failure(error)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
