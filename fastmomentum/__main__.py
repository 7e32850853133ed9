"""Run the command line with ``python -m fastmomentum``."""

import sys

if __name__ == "__main__":
    from fastmomentum.cli import main

    sys.exit(main())
