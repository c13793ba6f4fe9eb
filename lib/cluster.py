"""Work in parallel: on this machine's processes, or on the workers of a Dask cluster.

Dask gives the tasks of a dead worker to another one: a task must have the same result when it is done twice.
"""

import asyncio
import os
import re
import time
import warnings
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import Thread

from joblib import Parallel, delayed

from lib.errors import InputError, RunError, one_line
from lib.params import identity

SCHEDULER = "STUDY_SCHEDULER"  # environment variable that names the cluster to a notebook's kernel
TIMEOUT = 10  # seconds to reach the scheduler, and to see a worker
_PORTION = 100  # tasks sent to the scheduler at a time; a million recordings are 7,813 chunks


def unordered(function, tasks, *, jobs, scheduler=None):
    """Yield a function's result for each task (tuple of arguments), as they finish, of processes or Dask's workers."""
    if not (scheduler and tasks):
        # It ends processes that have no task for a while, starts others, and warns of that.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
        # joblib would send several quick tasks at once, and the last of them keep one process busy alone.
        parallel = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
        yield from parallel(delayed(_leashed)(os.getpid(), function, *task) for task in tasks)
        return
    from distributed import KilledWorker, as_completed

    with _client(scheduler) as client:
        call = partial(_same_lib, identity.code_digest(""), function)
        futures = client.map(call, tasks, pure=False, batch_size=_PORTION)
        try:
            for future in as_completed(futures, loop=client.loop):
                yield future.result()
        except KilledWorker as error:
            raise RunError(f"{scheduler}: {one_line(error)}") from None
        except CancelledError as error:
            raise RunError(f"{scheduler}: the scheduler went away before all was done ({error})") from None


def _leashed(parent, function, *task):
    """The function's result; from now on this process ends with its parent, which joblib's would outlive."""
    if os.getpid() != parent:
        _leash(parent)
    return function(*task)


@lru_cache(maxsize=1)
def _leash(parent):
    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def check(scheduler):
    """InputError when the address is malformed, no scheduler responds in 10 s, or no worker of one thread is there."""
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+", scheduler):
        raise InputError(f"--scheduler {scheduler!r}: expected tcp://HOST:PORT or tls://HOST:PORT")
    try:
        asyncio.run(asyncio.wait_for(_shake_hands(scheduler), TIMEOUT))
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error).partition("\n")[0] or f"silent for {TIMEOUT} s"
        raise InputError(f"--scheduler {scheduler}: no Dask scheduler responds there ({reason})") from None
    with _client(scheduler):
        pass


async def _shake_hands(scheduler):
    """Connect and leave; a client alone waits for ever for a silent server."""
    from distributed import Security
    from distributed.comm import connect

    comm = await connect(scheduler, timeout=TIMEOUT / 2, **Security().get_connection_args("client"))
    await comm.close()


@contextmanager
def _client(scheduler):
    from distributed import Client

    with Client(scheduler, timeout=TIMEOUT, set_as_default=False) as client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError:
            raise InputError(
                f"--scheduler {scheduler}: no worker has joined: start `dask worker {scheduler}`"
            ) from None
        for worker, threads in client.nthreads().items():
            if threads != 1:  # a run changes the environment of its process
                what = f"{worker} has {threads} threads: start `dask worker --nthreads 1`"
                raise InputError(f"--scheduler {scheduler}: {what}")
        yield client


def _same_lib(digest, function, task):
    if identity.code_digest("") != digest:  # of all of lib, as this process read it first
        from distributed import get_worker

        raise InputError(f"worker {get_worker().address} has loaded another lib than this command: restart it")
    return function(*task)
