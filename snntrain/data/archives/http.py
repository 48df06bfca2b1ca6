"""The download of an archive."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from snntrain.data.archives.archive import AT_A_TIME, MOST_BYTES, Archive, Unusable, bar

TIMEOUT = 30.0  # seconds without an answer; urllib would wait for ever
# Some servers refuse the name that urllib gives itself.
HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; snntrain)"}


def download(archive: Archive, folder: Path) -> Path:
    """Download an archive into a folder from the first address that serves it; return its path.

    Raises:
        Unusable: no address serves it, with the reason of each.
        OSError: it cannot be written.
    """
    path, reasons = folder / archive.name, []
    for url in archive.urls:
        try:
            _fetch(archive, url, path)
        except (Unusable, urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            path.unlink(missing_ok=True)
            reasons.append(f"{url}: {_reason(error)}")
        else:
            return path
    raise Unusable("; ".join(reasons))


def _fetch(archive: Archive, url: str, path: Path) -> None:
    digest, length = hashlib.md5(usedforsecurity=False), 0
    request = urllib.request.Request(url, headers=HEADERS)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer, path.open("wb") as file:
        promised = answer.headers.get("Content-Length", "")
        total = int(promised) if promised.isdecimal() else None
        with bar(f"downloading {archive.name}", total) as progress:
            while part := answer.read(AT_A_TIME):
                length += len(part)
                if length > MOST_BYTES:
                    raise Unusable(f"it has more than {MOST_BYTES / 1e9:,.0f} GB")
                digest.update(part)
                file.write(part)
                progress.update(len(part))
    if not length:
        raise Unusable("the server sent 0 bytes")
    if total is not None and length < total:
        raise Unusable(f"the connection ended after {length:,} of {total:,} bytes")
    archive.compare(digest.hexdigest())


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).strip() or type(error).__name__
