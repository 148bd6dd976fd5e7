"""The child's half of "children do not outlive the supervisor".

A supervisor killed with SIGKILL cannot tell its children. So a child looks whether its parent is
still the process that started it. The kernel's own way (PR_SET_PDEATHSIG) is bound to the thread
that forked, not to the process, and fires when that thread ends.
"""

import os
import signal
import threading
import time

PARENT_VARIABLE = "ORDERING_PARENT_PID"
LOOK_EVERY = 0.2  # seconds

#: Seconds from SIGTERM to SIGKILL: more than a supervisor allows, who may be stopping us already.
GRACE = 40.0


def watch_parent(*, look_every: float = LOOK_EVERY, grace: float = GRACE) -> bool:
    """End this process when the supervisor that started it is gone; call once, at start.

    Reads ORDERING_PARENT_PID, the supervisor's process id; without it (started by hand) nothing
    is watched and the answer is False. When the parent is another process, SIGTERM is sent to
    ourselves, and SIGKILL if we are still here after `grace` seconds.
    """
    parent = os.environ.get(PARENT_VARIABLE, "")
    if not parent.isdecimal():
        return False
    thread = threading.Thread(
        target=_watch,
        args=(int(parent), look_every, grace),
        name="parent-watch",
        daemon=True,
    )
    thread.start()
    return True


def _watch(parent: int, look_every: float, grace: float) -> None:
    # An orphan is given to another parent at once, so there is no moment in which a reused
    # process id could be taken for the supervisor's.
    while os.getppid() == parent:
        time.sleep(look_every)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)
