# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector Lambda. A payload passes decode, rules, flow, a sink, delivery, dead letters and accounting.

The zip has the folder above as its root: `handler.py` and this package. It uses the standard library and, if the package has
them, orjson and isal. boto3, which the Lambda runtime has, is imported at the first call to AWS.
"""

__version__ = "0.1.0"
