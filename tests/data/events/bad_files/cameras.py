"""Files of event cameras."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from snntrain.data.events.events import Sensor
from tests.data.events.bad_files.bad import Bad
from tests.data.events.encoders import AEDAT2_HEADER, AEDAT31_HEADER, Event, aedat31_packet
from tests.data.events.encoders import aedat2 as aedat2_file
from tests.data.events.encoders import aedat31 as aedat31_file
from tests.data.events.encoders import atis as atis_file

SENSOR = Sensor(34, 34)
HEAD2, HEAD3 = len(AEDAT2_HEADER), len(AEDAT31_HEADER)
FINE: list[Event] = [(1, 2, 3, 1), (4, 5, 6, 0)]
PACKET = aedat31_packet(FINE)


def packet(kind: int = 1, size: int = 8, time_at: int = 4, overflows: int = 0, count: int = 0, **other: int) -> bytes:
    """The header of a packet with these numbers."""
    capacity, valid = other.get("capacity", count), other.get("valid", count)
    return struct.pack("<hhiiiiii", kind, other.get("source", 1), size, time_at, overflows, capacity, count, valid)


def huge(path: Path) -> None:
    """A file of more than a gigabyte that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(2**30 + 5)


ATIS = {
    "a.bin": Bad(
        atis_file(FINE) + b"\x01", "it ends within an event: 11 bytes are not a multiple of 5; get the file again", 10
    ),
    "empty.bin": Bad(b"", "it has no events; leave the file out"),
    "only overflows.bin": Bad(atis_file([(0, 240, 0, 0)] * 3), "it has no events; leave the file out"),
    "column.bin": Bad(
        atis_file([(0, 0, 0, 0), (34, 0, 1, 0)]),
        "the event has x=34, but the sensor has x from 0 to 33; get the file again, or name its sensor",
        5,
    ),
    "row.bin": Bad(
        atis_file([(0, 240, 0, 0), (0, 0, 0, 0), (0, 239, 1, 0)]),
        "the event has y=239, but the sensor has y from 0 to 33; get the file again, or name its sensor",
        10,
    ),
    "backwards.bin": Bad(
        atis_file([(0, 0, 1000, 0), (0, 0, 70_000, 0), (0, 0, 69_999, 0)]),
        "time runs backwards at the event, from 70,000 to 69,999 µs; get the file again, or sort its events by time",
        10,
    ),
    "a text.bin": Bad(
        b"x,y,t,p\n1,2,3,1\n4,5,",
        "the event has x=120, but the sensor has x from 0 to 33; get the file again, or name its sensor",
        0,
    ),
    "nothing.bin": Bad(
        lambda path: None, "it cannot be read: No such file or directory; get the file again, or make it readable"
    ),
    "a folder.bin": Bad(
        lambda path: path.mkdir(), "it cannot be read: Is a directory; get the file again, or make it readable"
    ),
    "a pipe.bin": Bad(
        lambda path: os.mkfifo(path),
        "it is not a regular file; leave the file out",
    ),
    "huge.bin": Bad(huge, "it has more than 1,074 MB; leave the file out"),
}
AEDAT2 = {
    "empty.aedat": Bad(
        b"", "it is not an AEDAT file: it begins with nothing, not with the line #!AER-DAT; name its format", 0
    ),
    "a picture.aedat": Bad(
        b"\x89PNG\r\n\x1a\n12345678",
        "it is not an AEDAT file: it begins with 89 50 4e 47 0d 0a 1a 0a, not with the line #!AER-DAT; name its format",
        0,
    ),
    "comments.aedat": Bad(
        b"# some\r\n",
        "it is not an AEDAT file: it begins with 23 20 73 6f 6d 65 0d 0a, not with the line #!AER-DAT; name its format",
        0,
    ),
    "version 1.aedat": Bad(b"#!AER-DAT1.0\r\n", "it is AEDAT 1.0, and this reader takes 2.0; name its format", 0),
    "version 3.1.aedat": Bad(aedat31_file(PACKET), "it is AEDAT 3.1, and this reader takes 2.0; name its format", 0),
    "endless header.aedat": Bad(
        b"#!AER-DAT2.0\r\n" + b"#" * 2**22,
        "its header does not end within 4,194,304 bytes; get the file again",
        14,
    ),
    "many lines.aedat": Bad(
        b"#!AER-DAT2.0\r\n" + b"#\n" * 2**21,
        "its header does not end within 4,194,304 bytes; get the file again",
        4_194_304,
    ),
    "cut.aedat": Bad(
        aedat2_file(FINE)[:-3],
        "it ends within an event: 13 bytes after the header are not a multiple of 8; get the file again",
        HEAD2 + 8,
    ),
    "no events.aedat": Bad(AEDAT2_HEADER, "it has no events; leave the file out"),
    "no pixels.aedat": Bad(AEDAT2_HEADER + bytes([0, 0, 0x80, 0, 0, 0, 0, 1]), "it has no events; leave the file out"),
    "davis.aedat": Bad(
        aedat2_file(FINE) + struct.pack(">II", 0x00C0_1800, 9),
        "the address 0x00c01800 is not one of a DVS128; name the format of the file",
        HEAD2 + 16,
    ),
    "backwards.aedat": Bad(
        aedat2_file([(0, 0, 7, 0), (0, 0, 9, 1), (0, 0, 8, 1)]),
        "time runs backwards at the event, from 9 to 8 µs; get the file again, or sort its events by time",
        HEAD2 + 16,
    ),
    "a clock set back.aedat": Bad(
        aedat2_file([(0, 0, 3_000_000_000, 0), (0, 0, 5, 1)]),
        "time runs backwards at the event, from 3,000,000,000 to 5 µs; get the file again, or sort its events by time",
        HEAD2 + 8,
    ),
}
AEDAT31 = {
    "version 2.aedat": Bad(aedat2_file(FINE), "it is AEDAT 2.0, and this reader takes 3.1; name its format", 0),
    "no end.aedat": Bad(
        b"#!AER-DAT3.1\r\n#Format: RAW\r\n" + PACKET,
        "its header does not end with #!END-HEADER; get the file again",
        28,
    ),
    "serial.aedat": Bad(
        AEDAT31_HEADER.replace(b"RAW", b"SerialTS") + PACKET,
        "its packets are in the format SerialTS, not RAW; save it uncompressed",
        0,
    ),
    "compressed.aedat": Bad(
        aedat31_file(packet(kind=1 - 2**15)), "its packet is compressed; save the recording uncompressed", HEAD3
    ),
    "within a header.aedat": Bad(
        aedat31_file(PACKET, PACKET[:27]),
        "it ends within the header of a packet; get the file again",
        HEAD3 + len(PACKET),
    ),
    "within a packet.aedat": Bad(
        aedat31_file(PACKET, PACKET[:-1]),
        "it ends within a packet, which has 2 events of 8 bytes, and 15 bytes are left; get the file again",
        HEAD3 + len(PACKET),
    ),
    "absurd.aedat": Bad(
        aedat31_file(packet(count=2**31 - 1)),
        "it ends within a packet, which has 2,147,483,647 events of 8 bytes, and 0 bytes are left; get the file again",
        HEAD3,
    ),
    "capacity.aedat": Bad(
        aedat31_file(packet(count=2, capacity=1) + PACKET[28:]),
        "the numbers of its packet contradict each other: 8 bytes per event, 0 overflows, 1 places, 2 events, 2 valid; "
        "get the file again",
        HEAD3,
    ),
    "negative.aedat": Bad(
        aedat31_file(packet(count=-1)),
        "the numbers of its packet contradict each other: 8 bytes per event, 0 overflows, -1 places, -1 events, "
        "-1 valid; get the file again",
        HEAD3,
    ),
    "negative size.aedat": Bad(
        aedat31_file(packet(kind=3, size=-8, count=2)),
        "the numbers of its packet contradict each other: -8 bytes per event, 0 overflows, 2 places, 2 events, "
        "2 valid; get the file again",
        HEAD3,
    ),
    "long events.aedat": Bad(
        aedat31_file(packet(size=12, time_at=8, count=1) + bytes(12)),
        "its events have 12 bytes with the time at 8, not 8 with it at 4; get the file again",
        HEAD3,
    ),
    "outside.aedat": Bad(
        aedat31_file(PACKET, aedat31_packet([(5, 5, 8, 0), (128, 5, 9, 1)], invalid=frozenset({0}))),
        "the event has x=128, but the sensor has x from 0 to 127; get the file again, or name its sensor",
        HEAD3 + len(PACKET) + 28 + 8,
    ),
    "row.aedat": Bad(
        aedat31_file(aedat31_packet([(5, 32_767, 8, 0)])),
        "the event has y=32,767, but the sensor has y from 0 to 127; get the file again, or name its sensor",
        HEAD3 + 28,
    ),
    "backwards.aedat": Bad(
        aedat31_file(PACKET, PACKET),
        "time runs backwards at the event, from 6 to 3 µs; get the file again, or sort its events by time",
        HEAD3 + len(PACKET) + 28,
    ),
    "negative time.aedat": Bad(
        aedat31_file(aedat31_packet([(5, 5, -8, 0)])), "an event has a negative time; get the file again", HEAD3 + 28
    ),
    "all invalid.aedat": Bad(
        aedat31_file(aedat31_packet(FINE, invalid=frozenset({0, 1}))), "it has no events; leave the file out"
    ),
    "other packets.aedat": Bad(aedat31_file(aedat31_packet(FINE, kind=2)), "it has no events; leave the file out"),
    "no packets.aedat": Bad(AEDAT31_HEADER, "it has no events; leave the file out"),
    "two sensors.aedat": Bad(
        aedat31_file(PACKET, aedat31_packet([(1, 1, 9, 1)], source=2)),
        "it has events of two sensors, 1 and 2; save one",
        HEAD3 + len(PACKET),
    ),
}
