"""The watch: processes of a run notice that one of them is gone, and end with a message.

XLA notices it too, but ends the process from within, with a core dump and no word of qjax.
"""

import os
import select
import sys
import threading
import time

from qjax.distributed.rollcall import PING, Line

GLANCE = 0.2  # seconds between looks at whether this process is done


class Watch:
    """A thread that ends this process with a clear message when another one is lost.

    Args:
        lines: From `roll_call`.
        processes: How many there are.
        index: Which one this is.
        silence: Seconds without a sign of life after which a process counts as lost.
        farewell: Seconds that a process which is done waits for the others.
    """

    def __init__(
        self, lines: list[Line], processes: int, index: int, silence: float, farewell: float
    ) -> None:
        self.lines = lines
        self.processes, self.index = processes, index
        self.silence, self.farewell = silence, farewell
        self._done = False
        self._leaving = threading.Event()
        self._spoken = 0.0  # when it last gave a sign of life
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="qjax-watch", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Wait until all processes are done.

        A process that stays away ends this one, too, after `farewell` seconds.
        """
        self._leaving.set()
        if self.index:
            self.lines[0].send(bye=True)
        self._thread.join(self.farewell)
        if self._thread.is_alive():
            waited = f"{self.farewell:g} s after process {self.index} was done, others still ran"
            self.end(f"{waited}: they wait for it, or have more to do. All end now.")

    def fail(self, why: str) -> None:
        """End all processes, this one with the exit code 1, for what went wrong in this one."""
        self._thread.join(2 * PING)  # the loss of another one is the better explanation
        text = f"process {self.index} of {self.processes} failed: {why}"
        for line in self.lines:
            line.send(lost=text)
        _exit()

    def end(self, text: str) -> None:
        """End all processes, this one with the exit code 1, and say why."""
        with self._lock:  # once
            for line in self.lines:
                line.send(lost=text)
            print(f"qjax: {text}", file=sys.stderr, flush=True)
            _exit()

    def _run(self) -> None:
        while not self._done:
            ready = {line.connection: line for line in self.lines}
            for connection in select.select(list(ready), [], [], GLANCE)[0]:
                self._listen(ready[connection])
            self._speak()

    def _listen(self, line: Line) -> None:
        messages = line.receive()
        for message in messages or ():
            if "lost" in message:
                self.end(message["lost"])
            line.ended |= "bye" in message
            self._done |= "end" in message
        if messages is None and not self._done:
            self._lost(line, "its connection ended: it crashed, was killed, or ran out of memory")

    def _speak(self) -> None:
        """Give a sign of life, and miss those of the others."""
        if self.index == 0 and self._leaving.is_set() and all(line.ended for line in self.lines):
            for line in self.lines:
                line.send(end=True)
            self._done = True
            return
        if time.monotonic() - self._spoken < PING:
            return
        self._spoken = time.monotonic()
        for line in self.lines:
            line.send(alive=True)
            if time.monotonic() - line.heard > self.silence:
                self._lost(line, f"it gave no sign of life for {self.silence:g} s")

    def _lost(self, line: Line, why: str) -> None:
        self.end(
            f"process {line.index} of {self.processes} was lost ({why}). All processes end now; "
            "start them again, and fit goes on from its checkpoint."
        )


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(1)
