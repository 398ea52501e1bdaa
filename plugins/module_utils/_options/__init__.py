# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of all modules and roles, each described once.

An option is a field of a dataclass: its name, type, default, choices, range and text. Argument specs, module documentation, role
argument specs and option tables are derived from these classes (`make generate`). Imports no Ansible: the subscriber ships it.
"""
