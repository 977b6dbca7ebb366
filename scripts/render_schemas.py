"""Write the schemas of OPA's type checker from the full JSON Schemas.

Usage: python scripts/render_schemas.py [POLICIES]. A test fails when the written ones are not current.
"""

import json
import sys
from pathlib import Path

from assay.adapters.opa.schema import CHECKER_SCHEMAS, checker_schema


def main(policies: Path) -> None:
    folder = policies / "schema" / "checker"
    folder.mkdir(exist_ok=True)
    for full, checker in CHECKER_SCHEMAS.items():
        document = json.loads((policies / "schema" / full).read_text(encoding="utf-8"))
        (folder / checker).write_text(json.dumps(checker_schema(document), indent=1) + "\n", encoding="utf-8")
        print(folder / checker)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "policies"))
