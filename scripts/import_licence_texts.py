"""Turn the npm package `spdx-license-list` into the licence texts that the builder ships.

Usage: python scripts/import_licence_texts.py. Needs `npm` and its registry; run it only to take up a newer list.
"""

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from license_expression import get_license_index

from assay_builder.describe.licence_text import word_pairs

PACKAGE = "spdx-license-list"
VERSION = "6.12.0"
SHA256 = "54cc8d13086187333ca1457c8edaa06d9a412144f076aa7f7c1b59c4f3b0a1ef"
TARGET = Path(__file__).parents[1] / "builder" / "assay_builder" / "licence_texts" / "licences.json"
ORIGIN = f"SPDX licence list texts, from the npm package {PACKAGE} {VERSION} (CC0-1.0)"
# fmt: off
FURTHER = frozenset(
    {
        "BSD-2-Clause-Views", "BSD-3-Clause-Attribution", "BSD-3-Clause-HP", "BSD-4-Clause", "BSD-4-Clause-UC",
        "BSD-Source-Code", "BUSL-1.1", "Beerware", "Bitstream-Vera", "BlueOak-1.0.0", "CC-BY-3.0", "CC-BY-4.0",
        "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0",
        "Elastic-2.0", "FSFAP", "FTL", "GFDL-1.2-only", "GFDL-1.3-only", "HPND-sell-variant", "IJG", "ImageMagick",
        "Info-ZIP", "JSON", "Libpng", "MIT-CMU", "MIT-advertising", "MIT-feh", "MIT-open-group", "NLOD-2.0",
        "ODbL-1.0", "OGL-UK-3.0", "OpenSSL", "PolyForm-Noncommercial-1.0.0", "PolyForm-Small-Business-1.0.0",
        "Ruby", "SAX-PD", "SSPL-1.0", "Sendmail", "Spencer-94", "TCL", "Vim", "W3C-19980720", "WTFPL", "X11",
        "XFree86-1.1", "bzip2-1.0.6", "curl", "libtiff", "mpich2", "psutils", "xinetd", "zlib-acknowledgement",
    }
)
# fmt: on
"""Texts that are common, or that look like an approved one without being it, beside those the OSI approved."""


def fetch_list() -> dict[str, dict[str, object]]:
    """The list in full, from a tarball with the pinned digest."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True)
        tarball = next(Path(folder).glob("*.tgz")).read_bytes()
    if (found := hashlib.sha256(tarball).hexdigest()) != SHA256:
        raise SystemExit(f"{PACKAGE} {VERSION} has the digest {found}, {SHA256} is expected")
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        member = archive.extractfile("package/spdx-full.json")
        if member is None:
            raise SystemExit(f"{PACKAGE} {VERSION} holds no spdx-full.json")
        listed: dict[str, dict[str, object]] = json.load(member)
    return listed


def select(listed: dict[str, dict[str, object]]) -> list[dict[str, str]]:
    """The texts worth knowing, without deprecated ids; of equal texts the first (`-only` before `-or-later`)."""
    missing = sorted(FURTHER - set(listed))
    if missing:
        raise SystemExit(f"not in the list: {', '.join(missing)}")
    current = {entry["spdx_license_key"] for entry in get_license_index() if not entry["is_deprecated"]}
    chosen: list[dict[str, str]] = []
    known: list[object] = []
    for identifier in sorted(listed):
        text = str(listed[identifier]["licenseText"])
        if identifier not in current or not (listed[identifier]["osiApproved"] or identifier in FURTHER):
            continue
        pairs = word_pairs(text)
        if pairs not in known:
            known.append(pairs)
            chosen.append({"id": identifier, "text": text})
    return chosen


def main() -> None:
    """Write the file and say what is in it."""
    licences = select(fetch_list())
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(
        json.dumps({"origin": ORIGIN, "licences": licences}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(f"{len(licences)} texts, {TARGET.stat().st_size} bytes: {TARGET}")


if __name__ == "__main__":
    main()
