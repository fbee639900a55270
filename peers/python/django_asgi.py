"""Django on ASGI: a project in one file.

    uvicorn --app-dir peers/python django_asgi:application
"""

import asyncio
import json

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

import answer  # noqa: E402


async def words(count):
    for wait_s, word in answer.schedule(count):
        await asyncio.sleep(wait_s)
        yield word


async def events(count):
    yield answer.OPEN
    async for word in words(count):
        yield answer.event({"content": word})
    yield answer.END


async def chat(request):
    body = json.loads(request.body)
    if not body.get("messages"):
        return JsonResponse(answer.MISSING_MESSAGES, status=400)
    count = answer.chunk_count(body)
    return StreamingHttpResponse(
        events(count), content_type="text/event-stream", headers=answer.headers(count)
    )


async def text(request):
    return StreamingHttpResponse(words(answer.CHUNKS), content_type="text/plain; charset=utf-8")


urlpatterns = [path("v1/chat/completions", chat), path("text", text)]

application = get_asgi_application()
