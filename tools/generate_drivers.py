"""Write the compiled loops, fastmomentum/_kernels/drive_*.py and entry.py, from their sources.

    python tools/generate_drivers.py            write them
    python tools/generate_drivers.py --check    fail if a committed file is stale

A loop of small jitted functions costs 100 to 250 ns per call; one function with the rule written
into it runs an iteration in about 20 ns. So each method's rule stays a small function in its own
file, and this script writes its text into the loop's template. Numba's disk cache notices a change
of the generated file only: the hash in its first lines stands for everything it was made from.
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
