"""Gradio's own server: python gradio_app.py PORT"""
import asyncio
import sys
import time

import gradio as gr

from work import TOKEN_PAUSE_SECONDS, token

# As many at a time as may come: its default of one would make a stream wait for the one before it.
CONCURRENCY = 1_000


async def echo(text: str) -> str:
    return text


async def firehose(count: float):
    text = ""
    for index in range(int(count)):
        text += token(index)
        yield text


async def paced(count: float):
    text = ""
    started = time.monotonic()
    for index in range(int(count)):
        await asyncio.sleep(max(0.0, started + index * TOKEN_PAUSE_SECONDS - time.monotonic()))
        text += token(index)
        yield text


with gr.Blocks(analytics_enabled=False) as app:
    said, count, answer = gr.Textbox(), gr.Number(), gr.Textbox()
    for function, given in ((echo, said), (firehose, count), (paced, count)):
        gr.Button().click(function, given, answer, api_name=function.__name__)

app.queue(default_concurrency_limit=CONCURRENCY)
app.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, ssr_mode=False, show_error=False)
