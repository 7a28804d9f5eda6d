"""Nobody but a sweep itself gets its processes to run code."""

import os
import socket
import ssl
import stat
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from distributed import SpecCluster
from distributed.security import Security
from experiments.conftest import DOSE, PATIENCE, runs_on_disk, starter, wait_until

from tcellabm.experiments.compute import runner
from tcellabm.experiments.compute.workers import HOST, PrivateScheduler, PrivateWorker
from tcellabm.identity import MODEL_VERSION

HERE = Path(__file__).parent
SWEEP = [
    str(HERE.parent / "faults" / "faulty.py"),
    "sweep",
    "--set",
    f"{DOSE}=[5e5, 2e6]",
    "--out",
    "a",
]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


@pytest.fixture
def begin(start):
    """Start `tcellabm sweep` with a model that takes no time."""
    return lambda *words, **world: start(*SWEEP, *words, **world)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, with_package):
    """Return all processes of a sweep of two workers in the middle of it, its own first."""
    folder = tmp_path_factory.mktemp("sweep")
    with starter(folder, with_package) as start:
        begun = start(*SWEEP, "-n", "10000", "--workers", "2", PAUSE="0.5", SHARD_RUNS="1")
        wait_until(lambda: begun.poll() is not None or runs_on_disk(folder / "a") >= 2)
        assert begun.poll() is None, begun.communicate()
        parent = psutil.Process(begun.pid)
        wait_until(lambda: len(ports([parent, *parent.children(recursive=True)])) >= 3)
        yield [parent, *parent.children(recursive=True)]


@pytest.fixture
def intrude(start):
    """Return what an intruder is told at each address."""

    def _intrude(user, keys, addresses):
        intruder = start(str(HERE / "intruder.py"), user, keys, *addresses)
        said, problem = intruder.communicate(timeout=PATIENCE)
        assert intruder.returncode == 0, problem
        return said.splitlines()

    return _intrude


def sockets(processes):
    """Return what accepts messages of the network, by process."""
    return {
        process.pid: [
            each
            for each in process.net_connections("inet")
            if each.status == psutil.CONN_LISTEN or each.type == socket.SOCK_DGRAM
        ]
        for process in processes
    }


def ports(processes):
    every = sockets(processes).values()
    return [f"{each.laddr.ip}:{each.laddr.port}" for own in every for each in own]


@contextmanager
def cluster(folder, keys, protocol):
    """Run a scheduler and a worker in this process."""
    common = {"host": HOST, "protocol": protocol, "security": keys}
    scheduler = {"cls": PrivateScheduler, "options": common | {"port": 0}}
    own = {"nthreads": 1, "memory_limit": 0, "local_directory": str(folder)}
    worker = {"cls": PrivateWorker, "options": common | own}
    with SpecCluster(workers={0: worker}, scheduler=scheduler, security=keys) as running:
        yield running


def test_a_sweep_listens_on_loopback_alone_once_a_process_and_hides_its_keys(sweep):
    listening = sockets(sweep)
    assert {each.laddr.ip for own in listening.values() for each in own} == {HOST}
    assert len(listening[sweep[0].pid]) == 1  # the scheduler
    # Two that start processes, and one that clears up after them, listen nowhere.
    assert sorted(map(len, listening.values())) == [0, 0, 0, 1, 1, 1]
    for process in sweep:
        told = [*process.cmdline(), *process.environ().values()]
        assert not any("PRIVATE KEY" in words for words in told)


@pytest.mark.parametrize("keys", ["none", "unsigned", "foreign"])
def test_who_lacks_the_keys_is_refused_by_every_process_of_a_sweep(sweep, intrude, keys):
    assert intrude("", keys, ports(sweep)) == ["refused"] * 3


@as_root
@pytest.mark.parametrize("keys", ["none", "foreign"])
def test_another_user_of_the_machine_is_refused_by_every_process_of_a_sweep(sweep, intrude, keys):
    assert intrude("nobody", keys, ports(sweep)) == ["refused"] * 3


@pytest.mark.parametrize("user", ["", pytest.param("nobody", marks=as_root)])
def test_the_same_call_is_obeyed_where_there_are_no_keys(intrude, user, tmp_path):
    with cluster(tmp_path, None, "tcp") as running:
        addresses = [running.scheduler.address, running.workers[0].address]
        said = intrude(user, "none", [each.removeprefix("tcp://") for each in addresses])
    assert said == [str({"status": "OK", "result": os.getuid()})] * 2


def test_keys_are_written_only_where_no_other_user_looks(monkeypatch):
    modes = []

    def look(context, certificate, key):
        modes.append(stat.S_IMODE(Path(key).parent.stat().st_mode))

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    Security.temporary().get_listen_args("worker")
    assert modes == [0o700]


@pytest.fixture
def certificates(tmp_path):
    """Put keys into files; return them and the environment that tells Dask of them."""
    keys = Security.temporary()
    (tmp_path / "ca.pem").write_text(keys.tls_ca_file)
    (tmp_path / "key.pem").write_text(keys.tls_client_key)
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    return keys, {
        f"{tls}CA_FILE": str(tmp_path / "ca.pem"),
        f"{tls}CLIENT__CERT": str(tmp_path / "ca.pem"),
        f"{tls}CLIENT__KEY": str(tmp_path / "key.pem"),
    }


def test_a_cluster_with_certificates_takes_a_sweep_that_has_them(
    begin, certificates, fake_model, tmp_path, monkeypatch
):
    keys, known = certificates
    monkeypatch.setattr(runner, "prepare", lambda params: MODEL_VERSION)
    with cluster(tmp_path, keys, "tls") as running:
        address = running.scheduler.address
        assert address.startswith("tls://")
        done = begin("-n", "5", "--dask", address, **known)
        assert done.communicate(timeout=PATIENCE)[1].splitlines() == [f"{address}: 1 workers"]
        assert done.returncode == 0


@pytest.mark.parametrize(
    ("scheme", "changed", "said"),
    [
        ("tls", None, "certificates are not configured"),
        ("tls", {"CA_FILE": "/nowhere.pem"}, "certificates don't fit: "),
        ("tls", {"CA_FILE": "other.pem"}, "certificates don't fit: "),
        ("tcp", {}, "no Dask scheduler answers"),
        ("tcp", {"REQUIRE_ENCRYPTION": "True"}, "encryption required by Dask"),
    ],
)
def test_a_cluster_with_certificates_refuses_a_sweep_in_one_line(
    begin, certificates, tmp_path, scheme, changed, said
):
    keys, known = certificates
    (tmp_path / "other.pem").write_text(Security.temporary().tls_ca_file)
    place = {"CA_FILE": "TLS__CA_FILE"}
    for name, value in (changed or {}).items():
        known[f"DASK_DISTRIBUTED__COMM__{place.get(name, name)}"] = value
    with cluster(tmp_path, keys, "tls") as running:
        address = running.scheduler.address.replace("tls://", f"{scheme}://")
        done = begin("-n", "5", "--dask", address, **({} if changed is None else known))
        lines = done.communicate(timeout=PATIENCE)[1].splitlines()
    assert done.returncode == 2, lines
    assert len(lines) == 1
    assert said in lines[0]
    assert f"--dask {address}" in lines[0]
