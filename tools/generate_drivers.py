"""Write the loops of the CUDA kernels from their sources.

    python tools/generate_drivers.py            write them
    python tools/generate_drivers.py --check    fail if a committed file is stale

Those of the processor are written by hand, in fastmomentum/_loops. Those of a device have the
same results with another layout: an automatic loop is rewritten statement by statement, and a
method's rule goes into a template.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from generator.files import files
from generator.sources import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if a file is stale")
    check = parser.parse_args().check
    texts = files()
    stale = [
        path
        for path, text in texts.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        sys.stdout.write(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.write_text(texts[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
