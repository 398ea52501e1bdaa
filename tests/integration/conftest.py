# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""boto3 clients that tests prepare and inspect with, at an eighth of their cost."""

from __future__ import annotations

from aws_in_tests import answer_one_call_at_a_time, read_models_once  # noqa: F401  # pylint: disable=unused-import
