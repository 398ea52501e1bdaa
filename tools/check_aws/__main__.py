# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python tools/check_aws`."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run as a folder: import the package from its parent, so that its modules do not become top-level ones.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from check_aws.program import main

if __name__ == "__main__":
    sys.exit(main())
