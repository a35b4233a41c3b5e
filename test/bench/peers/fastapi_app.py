"""FastAPI on uvicorn with uvloop and httptools, access log off: python fastapi_app.py PORT PROCESSES"""
import asyncio
import sys
import time

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from work import TOKEN_PAUSE_SECONDS, burn, token

app = FastAPI()


class Text(BaseModel):
    text: str


class Count(BaseModel):
    count: int


@app.post("/echo/predict")
async def echo(inputs: Text) -> Text:
    return inputs


@app.post("/image/predict")
async def image(request: Request) -> Response:
    return Response(await request.body(), media_type="image/png")


# Not `async`: FastAPI then runs it in a thread, as its documentation wants for what would block.
@app.post("/cpu/predict")
def cpu(inputs: Text) -> Text:
    burn(10)
    return inputs


@app.post("/firehose/predict")
async def firehose(inputs: Count) -> StreamingResponse:
    async def events():
        for index in range(inputs.count):
            yield f"data: {token(index)}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/paced/predict")
async def paced(inputs: Count) -> StreamingResponse:
    async def events():
        started = time.monotonic()
        for index in range(inputs.count):
            await asyncio.sleep(max(0.0, started + index * TOKEN_PAUSE_SECONDS - time.monotonic()))
            yield f"data: {token(index)}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run("fastapi_app:app", host="127.0.0.1", port=int(sys.argv[1]), workers=int(sys.argv[2]), log_level="warning", access_log=False)
