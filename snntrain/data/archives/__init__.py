"""The archives of data sets, which may come from a stranger: downloaded, checked by their checksum, and unpacked.

archive.py   an archive: its name, its addresses, its checksum
http.py      downloads an archive
unpack.py    unpacks a zip or a tar.gz; no member leaves the folder
"""
