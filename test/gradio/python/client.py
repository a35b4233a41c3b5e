"""Drives the host with gradio_client and prints what it saw as one line of JSON. Argument: the URL of the host."""

import concurrent.futures
import json
import sys
import tempfile
import time
from pathlib import Path

from gradio_client import Client, handle_file

BASE = sys.argv[1]


def connect(name, **options):
    return Client(f"{BASE}/gradio-{name}/", verbose=False, **options)


def failure(call):
    try:
        return {"result": call()}
    except BaseException as error:  # CancelledError is none of Exception
        return {"type": type(error).__name__, "text": str(error)}


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.01)


def calls():
    client = connect("greet")
    return {
        "positional": client.predict("Ada", True, 2, api_name="/predict"),
        "named": client.predict(name="Ada", times=2),
        "defaults": client.predict("Ada"),
        "by index": client.predict("Ada", fn_index=0),
        "missing": failure(client.predict),
        "unknown": failure(lambda: client.predict("Ada", nom=1)),
        "at once": [job.result()[0] for job in [client.submit(f"n{index}") for index in range(20)]],
        "one after the other": [client.predict(f"n{index}")[1] for index in range(5)],
        "with auth": Client(f"{BASE}/gradio-greet", auth=("user", "password"), verbose=False).predict("Ada"),
        "api": client.view_api(return_format="str", print_info=False),
    }


def thirty_threads():
    client = connect("greet")
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        return list(pool.map(lambda index: client.predict(f"t{index}")[0], range(60)))


def kitchen():
    client = connect("kitchen")
    return {"defaults": client.predict(), "given": client.predict(text="other", chat=[{"role": "user", "content": "Hi"}])}


def streams():
    job = connect("stream").submit("a b c", 20)
    shrink = connect("shrink").submit()
    return {"iterated": list(job), "result": job.result(), "shrink": [shrink.result()] and [list(output) for output in shrink.outputs()]}


def failures():
    client = connect("fail")
    return [failure(lambda how=how: client.predict(how)) for how in ["said", "late", "thrown", "nonsense"]]


def queue():
    client = connect("queue")
    running = client.submit(60_000)
    wait_until(lambda: running.status().code.name == "PROCESSING")
    waiting = client.submit(0)
    wait_until(lambda: waiting.status().rank is not None)
    status = waiting.status()
    full = failure(lambda: client.predict(0))
    cancelled = running.cancel()
    return {
        "status": [status.code.name, status.rank, status.queue_size],
        "full": full,
        "cancelled": cancelled,
        "running": failure(running.result),
        "waiting": waiting.result(),
    }


def cancelling():
    client = connect("wait")
    seen = []
    for _ in range(5):
        cancelled, kept = client.submit(60_000, "cancelled"), client.submit(50, "kept")
        wait_until(lambda: cancelled.status().code.name in ("PROCESSING", "PROGRESS", "LOG"))
        cancelled.cancel()
        seen.append([failure(cancelled.result)["type"], kept.result()])
    return seen


def files():
    client = connect("files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "my ünï file #1%.txt"
        path.write_text("from disk")
        loud, picture, told = client.predict(handle_file(str(path)))
        again = client.predict(handle_file(loud))
        undownloaded = connect("files", download_files=False).predict(handle_file(str(path)))
        return {
            "text": Path(loud).read_text(),
            "name": Path(loud).name,
            "picture": picture,
            "told": told,
            "again": Path(again[0]).read_text(),
            "keys": sorted(undownloaded[0]),
            "foreign": failure(lambda: client.predict({"path": "/etc/passwd"})),
        }


PARTS = [calls, thirty_threads, kitchen, streams, failures, queue, cancelling, files]
print(json.dumps({part.__name__: part() for part in PARTS}))
