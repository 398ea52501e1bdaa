# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elements of HTML and SVG, and text of strangers in them."""

from __future__ import annotations

import html

from ..text import visible


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | int | float | None) -> Markup:
    """Return an element. Children and values are escaped, unless they are Markup; an attribute that is None is left out.

    Attributes: `class_` is class, and any other underscore is a hyphen.
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{pairs}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Return the children as one."""
    return Markup("".join(child if isinstance(child, Markup) else text(child) for child in children))


def text(value: str) -> Markup:
    """Return the text as HTML."""
    return Markup(html.escape(visible(value)))


def number(value: int | None) -> str:
    """Return a count for a reader; "not read" for None."""
    return "not read" if value is None else f"{value:,}"
