"""FastAPI on ASGI.

    uvicorn --app-dir peers/python fastapi_asgi:application
"""

import asyncio

from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

import answer

application = FastAPI()


class Chat(BaseModel):
    messages: list[dict] = []
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


async def events(count):
    yield answer.OPEN
    for wait_s, word in answer.schedule(count):
        await asyncio.sleep(wait_s)
        yield answer.event({"content": word})
    yield answer.END


@application.post("/v1/chat/completions")
async def chat(body: Chat):
    if not body.messages:
        return JSONResponse(answer.MISSING_MESSAGES, status_code=400)
    count = answer.chunk_count(body.model_dump())
    return StreamingResponse(
        events(count), media_type="text/event-stream", headers=answer.headers(count)
    )
