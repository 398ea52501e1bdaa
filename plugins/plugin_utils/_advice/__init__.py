# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which mode fits which target. Pure functions; the action plugin `advise` writes the files.

| file | job |
|---|---|
| facts.py | what is known of a target and of the whole run |
| points.py | the reasons for and against each way to forward |
| decide.py | the advice for a target and for an OU |
| fleet.py | all targets of a run |
| variables.py | inventory variables to paste |
| as_json.py, terminal.py | renderings |
"""
