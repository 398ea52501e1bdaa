# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts and files about all targets of a run: recap, report, explain, preflight, cost and advise.

Each module has `summarize(options, task_vars, check_mode)`, which returns the task's result from the variables that the tasks of
all targets registered. It runs once, on the control node.
"""
