"""Checks that the official Python clients accept a server: `python acceptance.py BASE_URL`.

With `--gateway` the server is a gateway before the simulator: it tells of an answer that ends too early
instead of passing it on as if it were whole.

Prints one line per check and exits with 1 when one of them fails. Every check runs twice: with
strict response validation, in which a missing or wrong field raises, and as people use it.
"""

import json
import sys
import time
import traceback
import zlib

import anthropic
import openai

BASE = sys.argv[1].rstrip("/")
GATEWAY = "--gateway" in sys.argv
MESSAGES = [{"role": "user", "content": "How deep is the river?"}]
INSTANT = {"x-weir-profile": "instant"}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
CHAT_TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": SCHEMA, "strict": True},
}
RESPONSES_TOOL = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
ANTHROPIC_TOOL = {"name": "weather", "input_schema": SCHEMA}

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def fault(expression):
    return {**INSTANT, "x-weir-fault": expression}


def verified(text):
    """The text verifies itself: its last word is the CRC-32 of all before it."""
    assert text.startswith("weir/1 "), text[:40]
    assert text[-8:] == f"{zlib.crc32(text[:-8].encode()):08x}", text[-40:]


def fits_schema(arguments):
    assert set(arguments) == {"city", "unit"} and arguments["unit"] in ("C", "F"), arguments
    assert isinstance(arguments["city"], str) and arguments["city"], arguments


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def chat(client, **options):
    return client.chat.completions.create(model="any-model", messages=MESSAGES, **options)


@check
def chat_whole(oa, _an):
    answer = chat(oa)
    verified(answer.choices[0].message.content)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 40
    assert answer.model == "any-model" and answer._request_id.startswith("req_")


@check
def chat_limited(oa, _an):
    answer = chat(oa, max_completion_tokens=3)
    verified(answer.choices[0].message.content)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 3


@check
def chat_stream(oa, _an):
    chunks = list(chat(oa, stream=True))
    verified("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1 and len(chunks) == 42
    assert all(chunk.usage is None for chunk in chunks)


@check
def chat_stream_with_usage(oa, _an):
    chunks = list(chat(oa, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 40
    assert all(chunk.usage is None for chunk in chunks[:-1])


@check
def chat_tool(oa, _an):
    for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
        answer = chat(oa, tools=[CHAT_TOOL], tool_choice=choice)
        call = answer.choices[0].message.tool_calls[0]
        assert answer.choices[0].finish_reason == "tool_calls"
        assert call.function.name == "weather" and call.id.startswith("call_")
        fits_schema(json.loads(call.function.arguments))
    free = chat(oa, tools=[CHAT_TOOL])
    verified(free.choices[0].message.content)


@check
def chat_tool_stream(oa, _an):
    with oa.chat.completions.stream(
        model="any-model", messages=MESSAGES, tools=[CHAT_TOOL], tool_choice="required"
    ) as stream:
        final = stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    fits_schema(call.function.parsed_arguments)


@check
def chat_errors(oa, _an):
    error = raises(
        openai.BadRequestError, lambda: oa.chat.completions.create(model="m", messages=[])
    )
    assert error.param == "messages" and error.type == "invalid_request_error"
    assert error.request_id.startswith("req_")
    error = raises(openai.BadRequestError, lambda: chat(oa, extra_headers={"x-weir-fault": "?"}))
    assert "stall@N=D" in error.message
    for status, kind in (
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (500, openai.InternalServerError),
    ):
        quick = oa.with_options(max_retries=0)
        raises(kind, lambda: chat(quick, extra_headers=fault(f"status={status}")))


@check
def chat_retries(oa, _an):
    started = time.monotonic()
    headers = fault("status=429;retry-after=1;tries=1")
    verified(chat(oa, extra_headers=headers).choices[0].message.content)
    assert 1.0 <= time.monotonic() - started < 10.0, "retry-after was not heeded"
    headers = fault("status=503;retry-after=0;tries=2")
    verified(chat(oa, extra_headers=headers).choices[0].message.content)
    verified(chat(oa, extra_headers=fault("refuse;tries=1")).choices[0].message.content)
    headers = fault("status=429;retry-after=0")
    raises(openai.RateLimitError, lambda: chat(oa, extra_headers=headers))


@check
def chat_stream_broken(oa, _an):
    error = raises(
        openai.APIError, lambda: list(chat(oa, stream=True, extra_headers=fault("error@5")))
    )
    assert "simulated fault" in error.message
    raises(Exception, lambda: list(chat(oa, stream=True, extra_headers=fault("cut@5"))))
    malformed = fault("malformed@5")
    raises(json.JSONDecodeError, lambda: list(chat(oa, stream=True, extra_headers=malformed)))
    if GATEWAY:
        ends = fault("end@5")
        raises(openai.APIError, lambda: list(chat(oa, stream=True, extra_headers=ends)))
    else:
        chunks = list(chat(oa, stream=True, extra_headers=fault("end@5")))
        assert len(chunks) == 6 and chunks[-1].choices[0].finish_reason is None
    assert list(chat(oa, stream=True, extra_headers=fault("empty"))) == []


@check
def responses_whole(oa, _an):
    answer = oa.responses.create(model="any-model", input="How deep is the river?")
    verified(answer.output_text)
    assert answer.status == "completed" and answer.usage.output_tokens == 40
    again = oa.responses.retrieve(answer.id)
    assert again.output_text == answer.output_text and again.id == answer.id
    following = oa.responses.create(
        model="any-model", input=MESSAGES, previous_response_id=answer.id, max_output_tokens=2
    )
    assert following.status == "incomplete" and following.previous_response_id == answer.id
    assert following.incomplete_details.reason == "max_output_tokens"


@check
def responses_not_found(oa, _an):
    raises(openai.NotFoundError, lambda: oa.responses.retrieve("resp_unknown"))
    error = raises(
        openai.BadRequestError,
        lambda: oa.responses.create(model="m", input="hi", previous_response_id="resp_unknown"),
    )
    assert error.code == "previous_response_not_found"
    forgotten = oa.responses.create(model="m", input="hi", store=False)
    raises(openai.NotFoundError, lambda: oa.responses.retrieve(forgotten.id))


@check
def responses_stream(oa, _an):
    events = list(oa.responses.create(model="any-model", input="hi", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    verified("".join(deltas))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert events[-1].response.output_text == "".join(deltas) and len(deltas) == 40
    assert oa.responses.retrieve(events[-1].response.id).output_text == "".join(deltas)
    with oa.responses.stream(model="any-model", input="hi") as stream:
        verified(stream.get_final_response().output_text)


@check
def responses_tool(oa, _an):
    for choice in ("required", {"type": "function", "name": "weather"}):
        answer = oa.responses.create(
            model="any-model", input="hi", tools=[RESPONSES_TOOL], tool_choice=choice
        )
        call = answer.output[0]
        assert call.type == "function_call" and call.name == "weather"
        fits_schema(json.loads(call.arguments))
    events = list(
        oa.responses.create(
            model="any-model", input="hi", tools=[RESPONSES_TOOL], tool_choice="required",
            stream=True,
        )
    )
    kind = "response.function_call_arguments.delta"
    arguments = "".join(event.delta for event in events if event.type == kind)
    fits_schema(json.loads(arguments))
    assert events[-1].response.output[0].arguments == arguments


@check
def responses_broken(oa, _an):
    def broken():
        events = list(
            oa.responses.create(
                model="m", input="hi", stream=True, extra_headers=fault("error@3")
            )
        )
        if events[-1].type == "error":
            raise openai.APIError(events[-1].message, request=None, body=None)

    assert "simulated fault" in str(raises(openai.APIError, broken))


@check
def embeddings(oa, _an):
    inputs = ["river", "weir", "river"]
    # By default the client asks for base64 and decodes it, but its strict mode validates before it
    # decodes and so refuses what it asked for itself.
    encoding = {"encoding_format": "float"} if oa._strict_response_validation else {}
    default = oa.embeddings.create(model="any-model", input=inputs, **encoding)
    floats = oa.embeddings.create(model="any-model", input=inputs, encoding_format="float")
    assert len(default.data) == 3 and len(default.data[0].embedding) == 1536
    for ours, theirs in zip(default.data, floats.data):
        pairs = zip(ours.embedding, theirs.embedding)
        assert all(abs(left - right) < 1e-6 for left, right in pairs)
    assert default.data[0].embedding == default.data[2].embedding != default.data[1].embedding
    length = sum(number * number for number in default.data[0].embedding)
    assert abs(length - 1.0) < 1e-3
    short = oa.embeddings.create(model="any-model", input="river", dimensions=8, **encoding)
    assert len(short.data[0].embedding) == 8
    tokens = oa.embeddings.create(model="any-model", input=[[1, 2, 3], [4]], **encoding)
    assert len(tokens.data) == 2
    raises(openai.BadRequestError, lambda: oa.embeddings.create(model="m", input=""))


@check
def openai_models(oa, _an):
    names = [model.id for model in oa.models.list()]
    assert "instant" in names and "claude-sonnet-4" in names
    assert oa.models.retrieve("instant").id == "instant"
    error = raises(openai.NotFoundError, lambda: oa.models.retrieve("no-such-model"))
    assert error.code == "model_not_found"


def message(client, **options):
    options = {"max_tokens": 1000, **options}
    return client.messages.create(model="any-model", messages=MESSAGES, **options)


@check
def messages_whole(_oa, an):
    answer = message(an)
    verified(answer.content[0].text)
    assert answer.stop_reason == "end_turn" and answer.usage.output_tokens == 40
    assert answer._request_id.startswith("req_")
    limited = message(an, max_tokens=3)
    verified(limited.content[0].text)
    assert limited.stop_reason == "max_tokens" and limited.usage.output_tokens == 3


@check
def messages_stream(_oa, an):
    events = list(message(an, stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    deltas = [event.delta.text for event in events if event.type == "content_block_delta"]
    verified("".join(deltas))
    assert len(deltas) == 40 and events[-2].usage.output_tokens == 40
    with an.messages.stream(model="any-model", max_tokens=99, messages=MESSAGES) as stream:
        verified("".join(stream.text_stream))
        assert stream.get_final_message().stop_reason == "end_turn"


@check
def messages_tool(_oa, an):
    for choice in ({"type": "any"}, {"type": "tool", "name": "weather"}):
        answer = message(an, tools=[ANTHROPIC_TOOL], tool_choice=choice)
        assert answer.stop_reason == "tool_use" and answer.content[0].name == "weather"
        fits_schema(answer.content[0].input)
    verified(message(an, tools=[ANTHROPIC_TOOL], tool_choice={"type": "auto"}).content[0].text)
    with an.messages.stream(
        model="any-model", max_tokens=99, messages=MESSAGES, tools=[ANTHROPIC_TOOL],
        tool_choice={"type": "any"},
    ) as stream:
        final = stream.get_final_message()
    fits_schema(final.content[0].input)


@check
def messages_errors(_oa, an):
    error = raises(
        anthropic.BadRequestError,
        lambda: an.messages.create(model="m", max_tokens=9, messages=[]),
    )
    assert error.body["error"]["type"] == "invalid_request_error"
    assert error.body["request_id"] == error.request_id
    for status, kind, name in (
        (401, anthropic.AuthenticationError, "authentication_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.RequestTooLargeError, "request_too_large"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ):
        quick = an.with_options(max_retries=0)
        error = raises(kind, lambda: message(quick, extra_headers=fault(f"status={status}")))
        assert error.body["error"]["type"] == name


@check
def messages_retries(_oa, an):
    headers = fault("status=529;retry-after=0;tries=2")
    verified(message(an, extra_headers=headers).content[0].text)
    headers = fault("status=429;retry-after=0")
    raises(anthropic.RateLimitError, lambda: message(an, extra_headers=headers))


@check
def messages_stream_broken(_oa, an):
    error = raises(
        anthropic.APIStatusError,
        lambda: list(message(an, stream=True, extra_headers=fault("error@5"))),
    )
    assert error.body["error"]["type"] == "overloaded_error"
    raises(Exception, lambda: list(message(an, stream=True, extra_headers=fault("cut@5"))))
    if GATEWAY:
        ends = fault("end@5")
        raises(anthropic.APIStatusError, lambda: list(message(an, stream=True, extra_headers=ends)))
    else:
        events = list(message(an, stream=True, extra_headers=fault("end@5")))
        assert events[-1].type == "content_block_delta"


@check
def count_tokens(_oa, an):
    short = an.messages.count_tokens(model="any-model", messages=MESSAGES)
    long = an.messages.count_tokens(model="any-model", messages=MESSAGES, system="Be brief.")
    assert 0 < short.input_tokens < long.input_tokens


@check
def anthropic_models(_oa, an):
    names = [model.id for model in an.models.list()]
    assert "instant" in names and "claude-sonnet-4" in names
    assert an.models.retrieve("instant").type == "model"
    raises(anthropic.NotFoundError, lambda: an.models.retrieve("no-such-model"))


def main():
    failed = 0
    for strict in (True, False):
        options = {"api_key": "none", "default_headers": INSTANT, "timeout": 30}
        oa = openai.OpenAI(
            base_url=f"{BASE}/v1", _strict_response_validation=strict, **options
        )
        an = anthropic.Anthropic(base_url=BASE, _strict_response_validation=strict, **options)
        for function in CHECKS:
            name = f"python {'strict ' if strict else 'default'} {function.__name__}"
            try:
                function(oa, an)
                print(f"ok   {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{2 * len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
