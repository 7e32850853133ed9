"""Run the command line with ``python -m fastmomentum``."""

import sys

if __name__ == "__main__":
    from fastmomentum._cli.main import main

    sys.exit(main())
