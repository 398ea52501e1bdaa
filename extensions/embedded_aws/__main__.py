"""`python -m embedded_aws`, or `python extensions/embedded_aws` from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run as a folder: its parent is where the package is found, and its own modules are no top-level ones.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from embedded_aws.cli import main

if __name__ == "__main__":
    sys.exit(main())
