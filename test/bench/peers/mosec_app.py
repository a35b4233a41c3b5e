"""mosec: python mosec_app.py --port PORT, with the names of what it serves in BENCH_MODELS and the number of processes for each in BENCH_PROCESSES"""
import os
import time

from mosec import Server, SSEWorker, Worker

from work import TOKEN_PAUSE_SECONDS, burn, sleep_batch, token

BATCH_SIZE = 32
BATCH_WAIT_MS = 5


class Echo(Worker):
    def forward(self, data: dict) -> dict:
        return {"text": data["text"]}


class Cpu(Worker):
    def forward(self, data: dict) -> dict:
        burn(10)
        return {"text": data["text"]}


class Image(Worker):
    resp_mime_type = "image/png"

    def deserialize(self, data: bytes) -> bytes:
        return data

    def serialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> bytes:
        return data


class Batch(Worker):
    def forward(self, data: list) -> list:
        sleep_batch(len(data))
        return [{"text": item["text"]} for item in data]


class Firehose(SSEWorker):
    def forward(self, data: dict) -> dict:
        for index in range(data["count"]):
            self.send_stream_event(token(index))
        return {}


class Paced(SSEWorker):
    def forward(self, data: dict) -> dict:
        started = time.monotonic()
        for index in range(data["count"]):
            time.sleep(max(0.0, started + index * TOKEN_PAUSE_SECONDS - time.monotonic()))
            self.send_stream_event(token(index))
        return {}


WORKERS = {"echo": Echo, "cpu": Cpu, "image": Image, "batch": Batch, "firehose": Firehose, "paced": Paced}

if __name__ == "__main__":
    server = Server()
    for model in os.environ["BENCH_MODELS"].split(","):
        batching = {"max_batch_size": BATCH_SIZE, "max_wait_time": BATCH_WAIT_MS} if model == "batch" else {}
        server.append_worker(WORKERS[model], num=int(os.environ["BENCH_PROCESSES"]), timeout=60, route=f"/{model}/predict", **batching)
    server.run()
