# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of forwarding, before and after a deployment. Pure functions; the action plugins `cost` and `report` write the files.

| file | job |
|---|---|
| prices.json | list prices by region, each with its source and date |
| prices.py | the prices of one region |
| items.py | one line of an estimate, and its sum |
| assumptions.py | what a payload, an invocation and a request are taken to be, each with two ends |
| modes.py | the lines of each mode, and of what is deployed |
| fleet.py | the model: targets, their volume and cost, and the sums of the fleet |
| as_json.py, terminal.py, markdown.py, text.py | renderings |
"""
