# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The volume of a target's log groups, from CloudWatch's metrics. Reads only.

| file | job |
|---|---|
| figures.py | sums of data points, what they mean for a month, and their sums for a target. Pure |
| metrics.py | the calls of CloudWatch's metrics |
| selection.py | which log groups the rules choose |
| usage.py | what the deployed functions used |
| prices.py | the prices of a region from AWS's price list |
| read.py | the work of the module volume_info |
"""
