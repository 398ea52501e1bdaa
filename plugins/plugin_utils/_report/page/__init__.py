# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML file without a network request.

| file | job |
|---|---|
| document.py | put the file together: Content-Security-Policy, style, script, packed data |
| columns.py | the log groups by column |
| summary.py | percentage, counts, targets that were not read |
| grid.py | accounts x regions |
| changes.py | drift and trend |
| sankey.py | the event flow |
| copies.py | the events that AWS's centralization copies |
| markup.py | elements whose text is escaped |
| page.html, page.css | frame and style |
| logic.js | filter, facets, sorting, CSV, links: pure functions, which the tests run |
| page.js | the document: what logic.js finds, as elements |
"""
