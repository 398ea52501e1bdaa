# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on a fleet: one model, many renderings. Pure functions; the action plugin `report` reads and writes the files.

| file | job |
|---|---|
| fleet.py | the model: targets, their log groups, counts, the percentage |
| records.py | the model as NDJSON, and back: report file, history and merge |
| drift.py | what changed since an earlier report |
| history.py | the reports in a directory, by time |
| formats.py | the formats by name; each has a file of its own |
| cost_markdown.py | volume and cost in Markdown; `_cost` has the model |
| page/ | the report as one HTML file |
| points.py | numbers of earlier reports, for a trend |
| flow.py, flow_text.py | counts of events on their way |
| copies.py | counts of events that AWS's centralization copies |
| words.py | words for states and changes |
| sns.py | the Markdown summary as a message |
| text.py | text of others, made visible |
"""
