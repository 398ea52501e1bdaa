# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's settings of the documentation site, which tools/site/build.py builds."""

project = "logreflector.aws"
copyright = "Log Reflector contributors, GPL-3.0-or-later"  # noqa: A001
html_title = "logreflector.aws"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# Anchors of headings as GitHub makes them, so that one link works there and on the site.
myst_heading_anchors = 4
myst_links_external_new_tab = False
smartquotes = False

highlight_language = "YAML+Jinja"
pygments_style = "ansible"
pygments_dark_style = "monokai"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_use_index = False
html_theme_options = {
    "source_repository": "https://github.com/logreflector/logreflector.aws/",
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#2f6fbf", "color-brand-content": "#2f6fbf"},
    "dark_css_variables": {"color-brand-primary": "#58a0f5", "color-brand-content": "#58a0f5"},
}

nitpicky = True
default_role = "code"
