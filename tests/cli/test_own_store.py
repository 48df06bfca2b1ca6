"""The store at which the processes of a run on one machine meet."""

from __future__ import annotations

import socket
import sys

import pytest

from snntrain.cli.ranks.member import HOST
from snntrain.cli.ranks.started import own_store


def test_a_process_of_this_machine_reads_what_another_wrote() -> None:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    store = own_store()
    TCPStore(HOST, store.port, is_master=False).set("key", "value")
    assert store.get("key") == b"value"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has more than one address of its own loopback")
def test_the_store_does_not_listen_on_other_addresses_of_this_machine() -> None:
    store = own_store()
    socket.create_connection((HOST, store.port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", store.port), timeout=5)
