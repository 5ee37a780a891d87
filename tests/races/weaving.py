"""Something that happens in part, stands still while the others go on, and then goes on to its end.

It runs in a thread of its own, and only one of the two ever runs: who is at an AWS call hands over, or goes on.
"""

import contextvars
import threading
from collections.abc import Callable


class Woven:
    """`work` runs from `begin` to before its call of number `pause` (from 0), and to its end once it is `resume`d."""

    def __init__(self, work: Callable[[], None], pause: int) -> None:
        self._pause, self._made = pause, 0
        self._mine, self._others = threading.Semaphore(0), threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._is_over = False
        # What the interpreter knows of the account stands in the context.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run, work), daemon=True)

    def begin(self) -> None:
        """Returns when it stands still, or is over."""
        self._thread.start()
        self._others.acquire()
        self._raise()

    def at_call(self) -> bool:
        """Whether the call that is about to be made is its own; then this is where it may stand still."""
        if threading.current_thread() is not self._thread:
            return False
        if self._made == self._pause:
            self._others.release()
            self._mine.acquire()
        self._made += 1
        return True

    def resume(self) -> None:
        """Let it go on to its end; harmless where it has come there. Raises what it raised."""
        if not self._is_over:
            self._mine.release()
            self._others.acquire()
        self._raise()

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            self._failure = failure
        self._is_over = True
        self._others.release()
