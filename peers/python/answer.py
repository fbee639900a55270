"""What every Python peer says, and when: one text, one schedule, one event format."""

import json
import os
import time
import zlib

FIRST_S = float(os.environ.get("FIRST_MS", "1100")) / 1000
GAP_S = float(os.environ.get("GAP_MS", "140")) / 1000
CHUNKS = int(os.environ.get("CHUNKS", "40"))

OPENING = "weir/1 "
WORD = "current "

MISSING_MESSAGES = {"error": {"message": "messages is missing", "type": "invalid_request_error"}}


def chunk_count(body):
    """How many chunks a request gets: max_tokens lowers the number, as with a real model."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or CHUNKS
    return min(CHUNKS, limit)


def words(count):
    """The text in `count` pieces; its last word is the CRC-32 of everything before it."""
    checksum = zlib.crc32(OPENING.encode())
    if count < 2:
        yield f"{OPENING}{checksum:08x}"
        return
    yield OPENING
    for _ in range(count - 2):
        checksum = zlib.crc32(WORD.encode(), checksum)
        yield WORD
    yield f"{checksum:08x}"


def schedule(count):
    """Each piece of the text with the seconds to wait for it; lateness does not add up."""
    start = time.monotonic()
    for index, word in enumerate(words(count)):
        due = start + FIRST_S + index * GAP_S
        yield max(0.0, due - time.monotonic()), word


def headers(count):
    """The announced ideal lets a tester tell how much a stream was stretched."""
    ideal = FIRST_S + (count - 1) * GAP_S
    return {"cache-control": "no-cache", "x-weir-ideal-us": str(round(ideal * 1e6))}


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


OPEN = event({"role": "assistant", "content": ""})
END = event({}, "stop") + "data: [DONE]\n\n"
