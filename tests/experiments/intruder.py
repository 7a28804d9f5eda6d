"""Have a Dask process say who its user is, as anyone may of one that is open.

`python intruder.py USER KEYS ADDRESS...`: USER is a name or "" for who starts it; KEYS are "none"
(plain TCP), "unsigned" (TLS without a certificate) or "foreign" (TLS, of another run). Prints a
line an address: the answer, or "refused".
"""

import asyncio
import logging
import os
import pickle
import pwd
import ssl
import sys

from distributed.comm import CommClosedError, connect
from distributed.security import Security

logging.disable()


def become(user):
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    assert os.getuid() == entry.pw_uid != 0


def entry(keys):
    """Return the scheme of an address, and what it is opened with; whose it is is not asked."""
    if keys == "none":
        return "tcp", {}
    context = Security.temporary().get_connection_args("client")["ssl_context"]
    if keys == "unsigned":
        context = ssl.create_default_context()
        context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return "tls", {"ssl_context": context}


async def ask(scheme, address, **ways):
    for operation in ("run", "run_function"):  # of a worker, of a scheduler
        comm = await connect(f"{scheme}://{address}", **ways)
        await comm.write({"op": operation, "function": pickle.dumps(os.getuid), "reply": True})
        if answer := await comm.read():
            break
        comm.abort()
    return answer


def main(user, keys, *addresses):
    scheme, ways = entry(keys)
    if user:
        told(scheme, addresses[0], ways)  # loads what the other user may not be able to read
        become(user)
    for address in addresses:
        print(told(scheme, address, ways))


def told(scheme, address, ways):
    try:
        return asyncio.run(ask(scheme, address, **ways))
    except CommClosedError:  # by the other side; a time-out is another error
        return "refused"


main(*sys.argv[1:])
