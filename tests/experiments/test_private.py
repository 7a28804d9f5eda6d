"""A local sweep listens on the loopback address alone, and to holders of its own keys alone."""

import os
import socket
import subprocess
import sys
import warnings
from contextlib import suppress

import psutil
import pytest
from distributed.security import Security

from tcellabm.experiments.cluster import dask_client

REFUSED = "refused"
# What a stranger tries: to have code run by the scheduler, without keys or with keys of his own.
CALL = """
import os, sys, warnings
warnings.simplefilter("ignore")
uid, address, keys = int(sys.argv[1]), sys.argv[2], sys.argv[3]

from distributed.security import Security
if uid:
    os.setuid(uid)
security = Security.temporary() if keys == "own" else None
try:
    client = Client(address, security=security, timeout=5, set_as_default=False)
    print(client.run_on_scheduler(os.getuid))
except Exception:
    print("refused")
os._exit(0)
"""


@pytest.fixture(scope="module")
def cluster():
    """A client and two workers that have done something."""
    with dask_client(2, "", 2) as (client, workers):
        client.wait_for_workers(2)
        assert set(client.run(os.getpid)) == set(client.scheduler_info()["workers"])
        yield client, workers


def listening(process):
    """The addresses that a process listens on."""
    return [
        connection.laddr
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def test_every_process_listens_on_loopback_alone(cluster):
    client, _ = cluster
    here = psutil.Process()
    pids = set(client.run(os.getpid).values())
    family = [here, *here.children(recursive=True)]
    assert len(pids) == 2 and pids < {process.pid for process in family}
    found = {process.pid: listening(process) for process in family}
    assert all(len(found[pid]) == 1 for pid in pids)  # Dask's own port, and no web server
    addresses = [address for each in found.values() for address in each]
    assert {address.ip for address in addresses} <= {"127.0.0.1", "::1"}


def test_all_addresses_speak_tls(cluster):
    client, _ = cluster
    info = client.scheduler_info()
    assert info["address"].startswith("tls://127.0.0.1:")
    assert all(name.startswith("tls://127.0.0.1:") for name in info["workers"])
    assert not any(worker["services"] for worker in info["workers"].values())


def test_a_socket_that_speaks_no_tls_is_told_nothing(cluster):
    client, _ = cluster
    for address in (client.scheduler_info()["address"], *client.scheduler_info()["workers"]):
        host, port = address.removeprefix("tls://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with suppress(ConnectionResetError):  # as good an answer as none
                assert b"HTTP" not in plain.recv(1000)


def called(address, uid=0, keys="none"):
    """What a program of its own is answered that asks the scheduler to run code."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(uid), address, keys],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    return done.stdout.strip()


@pytest.mark.parametrize("keys", ["none", "own"])
@pytest.mark.parametrize("uid", [0, 65534], ids=["same user", "another user"])
def test_who_has_not_the_keys_of_this_run_is_refused(cluster, uid, keys):
    if uid and os.getuid():
        pytest.skip("needs to be root to act as another user")
    address = cluster[0].scheduler_info()["address"]
    assert called(address, uid, keys) == REFUSED
    assert called(address.replace("tls:", "tcp:"), uid) == REFUSED


def test_a_call_with_the_keys_of_the_run_is_answered(cluster):
    """So that the refusals above are not for another reason."""
    client, _ = cluster
    assert client.run_on_scheduler(os.getpid) == os.getpid()


def test_keys_are_made_for_each_run():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (Security.temporary().tls_client_key for _ in range(2))
    assert one != other
