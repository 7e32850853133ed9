"""Fuzz the reader of checkpoints with atheris; a crash leaves its input in the current folder.

The loops run as Python code, which sees each access to their arrays::

    pip install atheris
    NUMBA_DISABLE_JIT=1 python -W ignore tests/fuzz/checkpoint.py corpus -max_total_time=600
"""

import pathlib
import sys

import atheris

PARTS = ("_keep.checkpoint", "_keep.state", "_batch.state", "_minimize.resume")
with atheris.instrument_imports(include=["forged", *(f"fastmomentum.{name}" for name in PARTS)]):
    import forged


def main():
    """Fuzz until stopped, from the seeds on."""
    forged.watch_rows()
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        corpus = pathlib.Path(sys.argv[1])
        corpus.mkdir(exist_ok=True)
        for i, seed in enumerate(forged.SEEDS):
            (corpus / f"seed-{i}").write_bytes(seed)
    atheris.Setup(sys.argv, forged.target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
