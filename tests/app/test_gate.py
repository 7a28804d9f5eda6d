"""New connections wait while pandas is loaded, and nobody else does."""

import asyncio

import pytest

from tcellabm.app import gate as module
from tcellabm.app.gate import Gate, load_pandas


@pytest.fixture(autouse=True)
def opened():
    yield
    module._closed.clear()


async def ask(gate, served):
    asked = asyncio.create_task(gate("scope", "receive", "send"))
    await asyncio.sleep(0.1)
    before = list(served)
    module._closed.clear()
    await asyncio.wait_for(asked, 10)
    return before


@pytest.mark.parametrize("closed", [True, False])
def test_a_connection_waits_while_the_gate_is_closed(closed):
    served = []

    async def app(*parts):
        served.append(parts)

    if closed:
        module._closed.set()
    before = asyncio.run(ask(Gate(app), served))
    assert len(before) == (not closed)
    assert served == [("scope", "receive", "send")]


def test_the_gate_is_closed_while_pandas_loads_and_open_after(monkeypatch):
    import builtins

    seen, real = [], builtins.__import__

    def noted(name, *rest):
        if name == "pandas":
            seen.append(module._closed.is_set())
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", noted)
    with pytest.raises(ImportError):
        load_pandas()
    assert seen == [True] and not module._closed.is_set()


def test_quiet_is_when_nobody_has_asked_for_a_while(monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.05)
    gate = Gate(None)
    asked = gate.asked
    gate.wait_for_quiet()
    assert module.time.monotonic() >= asked + 0.05
