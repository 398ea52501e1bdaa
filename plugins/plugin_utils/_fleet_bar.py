# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a fleet at the foot of a terminal, drawn by rich; what is printed meanwhile scrolls above it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ._fleet import Progress

_REFRESH = 0.5  # seconds


class Bar:
    """A live display of a few lines. Raises ImportError without rich, and OSError on a terminal that cannot move its cursor.

    progress   what to show
    lock       Ansible's display lock: held while drawing, as Ansible holds it while it forks and while it writes
    """

    def __init__(
        self, progress: Callable[[], Progress | None], lock: AbstractContextManager[Any], *, no_color: bool
    ) -> None:
        from rich.console import Console  # noqa: PLC0415 - optional, and only a terminal needs it
        from rich.live import Live  # noqa: PLC0415

        console = Console(file=sys.stdout, no_color=no_color or None, highlight=False)
        if console.is_dumb_terminal:
            raise OSError("the terminal is dumb")
        self._console = console
        self._progress = progress
        self._lock = lock
        self._over = threading.Event()
        self._live = Live(
            console=console,
            get_renderable=self.drawn,
            auto_refresh=False,  # rich's own thread knows nothing of Ansible's forks
            transient=True,
            redirect_stderr=sys.stderr.isatty(),
        )
        self._thread = threading.Thread(target=self._tick, name="logreflector-fleet", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        with self._lock:
            self._live.start(refresh=True)
            self._console.show_cursor(True)  # it would not be restored after SIGTERM
        self._thread.start()

    def stop(self) -> None:
        """Take it away. A bar does not start again."""
        self._over.set()
        self._thread.join()
        with self._lock:
            self._live.stop()

    def drawn(self) -> Any:
        """Return the current text, as rich renders it."""
        from rich.console import Group  # noqa: PLC0415
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        progress = self._progress()
        if progress is None:
            return Text("")
        wave = f", wave {progress.number} of {progress.of}" if progress.of > 1 else ""
        left = progress.left_words()
        meter = Table.grid(padding=(0, 2), expand=True)
        meter.add_column(ratio=1)
        meter.add_column(no_wrap=True)
        meter.add_row(
            ProgressBar(total=1.0, completed=progress.share),
            f"{progress.share_words()}  {progress.rate:.1f} tasks/s",
        )
        counts = Text(f"{progress.done:,} of {progress.targets:,} targets done  ", overflow="ellipsis", no_wrap=True)
        counts.append(f"{progress.changed:,} changed  ", style="yellow" if progress.changed else "")
        counts.append(f"{progress.failed:,} failed", style="red" if progress.failed else "")
        counts.append(f"  {left}")
        title = Text(f"{progress.play}{wave}", style="bold", overflow="ellipsis", no_wrap=True)
        title.append(f"  {progress.task}", style="not bold dim")
        return Group(title, meter, counts)

    def _tick(self) -> None:
        while not self._over.wait(_REFRESH):
            with self._lock:
                self._live.refresh()
