"""The work of each workload, the same as in test/bench/models."""
import time

TOKEN_PAUSE_SECONDS = 0.01


def burn(milliseconds: float) -> None:
    """Takes CPU time of this thread, not time."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


def batch_seconds(items: int) -> float:
    """What a call with so many items takes: 10 ms, and 0.1 ms for each."""
    return (10 + 0.1 * items) / 1000


def token(index: int) -> str:
    """One of a stream; each has the same six characters."""
    return f"{index:05d} "
