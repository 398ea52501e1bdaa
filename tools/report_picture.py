# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw docs/report.png, the README's picture of the report's page, from an invented fleet. Needs Chromium and its driver.

python tools/report_picture.py
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "build" / "collections"), str(ROOT / "bench")]

from _chromium import BrowserError, browser  # noqa: E402
from _report_fleet import NOW, fleet  # noqa: E402
from report import write  # noqa: E402

PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 1150
LARGEST = 200_000
# The ages on the page are those of an hour after the report.
CLOCK = f"Date.now = () => {(NOW + 3600) * 1000};"


def main() -> None:
    """Draw the picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = write(Path(folder) / "report.html", fleet(8_000, 40))
        try:
            with browser() as chromium:
                chromium.size(WIDTH, HEIGHT)
                chromium.command("Page.addScriptToEvaluateOnNewDocument", source=CLOCK)
                chromium.open(page)
                chromium.screenshot(PICTURE)
                PICTURE.write_bytes(smaller(PICTURE.read_bytes()))
        except BrowserError as error:
            sys.exit(str(error))
    if (size := PICTURE.stat().st_size) > LARGEST:
        sys.exit(f"{PICTURE} has {size} bytes, more than {LARGEST}")


def smaller(png: bytes) -> bytes:
    """Return a picture of 8-bit RGB without filters, which compresses better for even areas. Chromium prefers speed."""
    chunks, at = [], 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    header = next(body for kind, body in chunks if kind == b"IHDR")
    if header[8:10] != b"\x08\x02":
        sys.exit("Chromium's picture is not 8-bit RGB")
    lines = unfiltered(zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT")), WIDTH * 3)
    data = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    return png[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def unfiltered(data: bytes, length: int) -> Iterator[bytes]:
    """Yield the lines of a picture with 3 bytes for each pixel (PNG specification, 9.2 "Filter types for filter method 0")."""
    above = bytes(length)
    for start in range(0, len(data), length + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + length])
        for at, up in enumerate(above):
            left, corner = (line[at - 3], above[at - 3]) if at >= 3 else (0, 0)
            line[at] = line[at] + (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind] & 255
        above = bytes(line)
        yield above


def paeth(left: int, up: int, corner: int) -> int:
    """Return the neighbour that is nearest to left + up - corner."""
    value = left + up - corner
    return min((left, up, corner), key=lambda neighbour: abs(value - neighbour))


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


if __name__ == "__main__":
    main()
