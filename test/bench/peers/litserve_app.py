"""LitServe with its fast queue: python litserve_app.py PORT MODEL PROCESSES"""
import sys
import time

from litserve import LitAPI, LitServer

from work import TOKEN_PAUSE_SECONDS, burn, sleep_batch, token

BATCH_SIZE = 32
BATCH_WAIT_SECONDS = 0.005


class Api(LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request

    def encode_response(self, output):
        return output


class Echo(Api):
    def predict(self, request):
        return {"text": request["text"]}


class Cpu(Api):
    def predict(self, request):
        burn(10)
        return {"text": request["text"]}


class Batch(Api):
    def predict(self, requests):
        sleep_batch(len(requests))
        return [{"text": request["text"]} for request in requests]


class Firehose(Api):
    def predict(self, request):
        for index in range(request["count"]):
            yield token(index)

    def encode_response(self, outputs):
        for output in outputs:
            yield f"data: {output}\n\n"


class Paced(Firehose):
    def predict(self, request):
        started = time.monotonic()
        for index in range(request["count"]):
            time.sleep(max(0.0, started + index * TOKEN_PAUSE_SECONDS - time.monotonic()))
            yield token(index)


def main(port: int, model: str, processes: int) -> None:
    path = f"/{model}/predict"
    if model == "batch":
        api = Batch(api_path=path, max_batch_size=BATCH_SIZE, batch_timeout=BATCH_WAIT_SECONDS)
    else:
        api = {"echo": Echo, "cpu": Cpu, "firehose": Firehose, "paced": Paced}[model](api_path=path, stream=model in ("firehose", "paced"))
    server = LitServer(api, accelerator="cpu", devices=1, workers_per_device=processes, fast_queue=True, timeout=False)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
