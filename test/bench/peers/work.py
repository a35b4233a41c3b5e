"""The work of each workload, the same as in test/bench/models."""
import time

TOKEN_PAUSE_SECONDS = 0.01


def burn(milliseconds: float) -> None:
    """Takes CPU time of this thread, not time."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


AWAKE_SECONDS = 0.0004


def sleep_batch(items: int) -> None:
    """Takes exactly as long as a call with so many items does, 10 ms and 0.1 ms for each, nearly all of it asleep."""
    seconds = (10 + 0.1 * items) / 1000
    until = time.perf_counter() + seconds
    time.sleep(seconds - AWAKE_SECONDS)
    while time.perf_counter() < until:
        pass


def token(index: int) -> str:
    """One of a stream; each has the same six characters."""
    return f"{index:05d} "
