"""Which of the runs that MLflow calls running are alive: each says so once a minute, in its tag `heartbeat`."""

import hashlib
import socket
import time
from contextlib import nullcontext, suppress
from threading import Event, Thread

from lib.files.places import machine
from lib.tracking.client import connect, lock_folder, locked
from lib.tracking.query import BY_HAND, records

BEAT = 60  # seconds between two heartbeats
SILENT = 900  # seconds without one after which a run is taken for dead, wherever it was made


def owner():
    """Tags of a run that this process makes: its machine, by name and, since names repeat, by its own mark."""
    place = hashlib.sha256(f"{machine()} {lock_folder()}".encode()).hexdigest()
    return {"host": f"{socket.gethostname()} {place[:8]}", "heartbeat": int(time.time())}


def beat(client, run_id):
    """Say from now on that a run is alive, until it ends in MLflow or the returned Event is set."""
    stop = Event()

    def say():
        while not stop.wait(BEAT):
            with suppress(Exception):  # a server that is away for a while costs a heartbeat
                if client.get_run(run_id).info.status != "RUNNING":
                    return
                client.set_tag(run_id, "heartbeat", int(time.time()))

    Thread(target=say, daemon=True).start()
    return stop


def sweep(experiment=None, *, held=None):
    """End 'running' runs whose lock nobody holds here, or `SILENT` ones: of an experiment, of a lock `held`, or all."""
    here, now, ended = owner()["host"], time.time(), []
    for record in records(experiment):
        mark = record.tags.get("fingerprint", "")
        if record.status != "RUNNING" or held not in (None, mark):
            continue
        mine = record.tags.get("host") == here and mark != BY_HAND
        silent = now - float(record.tags.get("heartbeat") or record.started / 1000) > SILENT
        lock = locked(mark, wait=False) if mine and not held else nullcontext(mine or silent)
        with suppress(Exception), lock as dead:  # a full disk: a later command can still end it
            if not dead or (client := connect()).get_run(record.run_id).info.status != "RUNNING":
                continue
            why = "the process that made it is gone" if mine else f"it has been silent for {SILENT // 60} minutes"
            client.set_tag(record.run_id, "error", f"stopped before its end: {why}")
            client.set_terminated(record.run_id, "KILLED")
            ended.append(record)
    return ended
