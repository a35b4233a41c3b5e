"""Calls a model until its standard input ends, one call after the other and several at once, and prints what came of it as one line of JSON. Argument: the URL of the model."""

import json
import sys
import threading

from gradio_client import Client

EXPECTED = "1 2 3 "
right = 0
wrong = []
lock = threading.Lock()
stop = threading.Event()


def wait_for_end():
    sys.stdin.read()
    stop.set()


def take(job):
    global right
    try:
        text = job.result(timeout=60)
    except BaseException as error:  # CancelledError is none of Exception
        text = f"{type(error).__name__}: {error}"
    with lock:
        if text == EXPECTED:
            right += 1
        else:
            wrong.append(str(text))


def go_on(at_once):
    client = Client(sys.argv[1], verbose=False)
    while not stop.is_set():
        for job in [client.submit(3, 20) for _ in range(at_once)]:
            take(job)
        stop.wait(0.03)


threading.Thread(target=wait_for_end, daemon=True).start()
callers = [threading.Thread(target=go_on, args=(at_once,)) for at_once in (1, 4)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
print(json.dumps({"right": right, "wrong": wrong}))
