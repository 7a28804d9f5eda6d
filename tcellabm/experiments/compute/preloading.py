"""What the fork server loads, once for all workers; it ends if its parent does meanwhile.

Nothing else imports this: it acts when it is imported.
"""

import os
import signal
import warnings

from tcellabm.experiments.compute.processes import PARENT

_SECONDS = 0.5


def _end_without_parent(*_: object) -> None:
    if os.getppid() != int(os.environ.get(PARENT, 0)):
        os._exit(1)


def _load() -> None:
    from tcellabm.experiments.compute import runner
    from tcellabm.kernels import cache
    from tcellabm.params import load

    if cache.is_filled():  # who forks waits for this process: it must not compile
        runner.prepare(load())


if PARENT in os.environ:
    # No thread: there would be one less in the processes that are forked.
    signal.signal(signal.SIGALRM, _end_without_parent)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS, _SECONDS)
    with warnings.catch_warnings(action="ignore"):  # the command says what there is to say
        _load()
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
