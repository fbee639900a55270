"""A Django project in one file, to be served by Uvicorn: a streaming server that is not ours.

    python -m uvicorn --app-dir tests/peers --port 0 app:application

POST /v1/chat/completions streams an answer as OpenAI does, /text streams plain text. Every answer
follows one schedule, set by the environment: FIRST_MS (1100) to the first chunk, GAP_MS (140) between
two, CHUNKS (40) in all. A request's max_tokens lowers the number of chunks.
"""

import asyncio
import json
import os
import time

from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a server of the tests keeps no secrets",
)

from django.core.asgi import get_asgi_application  # noqa: E402 (the settings come first)
from django.http import JsonResponse, StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

FIRST_S = float(os.environ.get("FIRST_MS", "1100")) / 1000
GAP_S = float(os.environ.get("GAP_MS", "140")) / 1000
CHUNKS = int(os.environ.get("CHUNKS", "40"))
WORD = "river "


async def words(count):
    """Yields `count` words, each at its own absolute time."""
    start = time.monotonic()
    for index in range(count):
        due = start + FIRST_S + index * GAP_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield WORD


def event(delta, finish_reason=None):
    """One chunk of a chat completion as a server-sent event."""
    chunk = {
        "id": "chatcmpl-peer",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "peer",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }
    return f"data: {json.dumps(chunk)}\n\n"


async def chat_events(count):
    yield event({"role": "assistant", "content": ""})
    async for word in words(count):
        yield event({"content": word})
    yield event({}, "stop")
    yield "data: [DONE]\n\n"


async def chat(request):
    body = json.loads(request.body)
    if not body.get("messages"):
        error = {"message": "messages is missing", "type": "invalid_request_error"}
        return JsonResponse({"error": error}, status=400)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or CHUNKS
    events = chat_events(min(CHUNKS, limit))
    return StreamingHttpResponse(events, content_type="text/event-stream")


async def text(request):
    return StreamingHttpResponse(words(CHUNKS), content_type="text/plain; charset=utf-8")


urlpatterns = [path("v1/chat/completions", chat), path("text", text)]

application = get_asgi_application()
