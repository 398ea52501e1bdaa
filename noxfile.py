# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of the Ansible community for collections: antsibull-nox.toml says which. `make release` and CI run them."""

import antsibull_nox

antsibull_nox.load_antsibull_nox_toml()
