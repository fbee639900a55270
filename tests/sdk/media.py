"""Checks that the official Python client accepts the simulator's media: `python media.py BASE_URL`.

Every file is opened by somebody else's decoder: FFmpeg's libraries (PyAV) for videos and sound, Pillow
for pictures. Prints one line per check and exits with 1 when one of them fails. Every check runs twice:
with strict response validation, in which a missing or wrong field raises, and as people use it.
"""

import base64
import hashlib
import io
import json
import sys
import time
import traceback
import urllib.request
import warnings
import zlib

import av
import openai
from PIL import Image

BASE = sys.argv[1].rstrip("/")
TEXT = "The river is deep, and nobody knows how deep it is."
CHECKS = []

# The client warns of every call about videos, because its maker's own service has ended.
warnings.filterwarnings("ignore", category=DeprecationWarning)


def check(function):
    CHECKS.append(function)
    return function


def fault(expression):
    return {"x-weir-fault": expression}


def picture(data, size, kind):
    image = Image.open(io.BytesIO(data))
    image.load()
    assert (image.size, image.format) == (size, kind), (image.size, image.format)
    return image


def from_base64(text, size, kind):
    return picture(base64.b64decode(text), size, kind)


def film(data, size, seconds):
    """Decodes every picture; each is made of vertical bars, which move."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == size, (stream.width, stream.height)
        assert stream.codec_context.name == "h264"
        first = last = None
        count = 0
        for frame in container.decode(stream):
            count += 1
            last = frame.to_image()
            first = first or last
        assert count == seconds * 24, count
        assert abs(float(stream.duration * stream.time_base) - seconds) < 0.01
        width, height = size
        for image in (first, last):
            column = [image.getpixel((width // 3, y)) for y in (0, height // 2, height - 1)]
            assert column[0] == column[1] == column[2], column
        assert first.tobytes() != last.tobytes()


def frames_of(container):
    """Decoded frames. What lies between two joined files is skipped, as players do."""
    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            pass


def sound(data, seconds):
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        samples, loudest = 0, 0.0
        for frame in frames_of(container):
            samples += frame.samples
            array = frame.to_ndarray()
            scale = 32768.0 if array.dtype.kind == "i" else 1.0
            loudest = max(loudest, float(abs(array).max()) / scale)
        length = samples / stream.rate
        assert abs(length - seconds) < 0.1, (length, seconds)
        assert 0.02 < loudest < 0.9, loudest


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def png(oa, size="64x64"):
    answer = oa.images.generate(prompt="a river", size=size)
    return base64.b64decode(answer.data[0].b64_json)


@check
def video_from_creation_to_deletion(oa):
    video = oa.videos.create_and_poll(
        prompt="a river", model="sora-2", seconds="4", size="1280x720",
        input_reference=("frame.png", png(oa), "image/png"),
        extra_headers=fault("slow-job=300ms"),
    )
    assert (video.status, video.progress, video.object) == ("completed", 100, "video")
    assert (video.seconds, video.size, video.prompt) == ("4", "1280x720", "a river")
    film(oa.videos.download_content(video.id).read(), (1280, 720), 4)
    thumbnail = oa.videos.download_content(video.id, variant="thumbnail").read()
    picture(thumbnail, (320, 180), "WEBP")
    picture(oa.videos.download_content(video.id, variant="spritesheet").read(), (640, 90), "JPEG")
    remix = oa.videos.remix(video.id, prompt="the river at night")
    assert remix.remixed_from_video_id == video.id and remix.seconds == "4"
    found = [each.id for each in oa.videos.list(limit=1)]
    assert found[:2] == [remix.id, video.id], found[:2]
    oldest_first = [each.id for each in oa.videos.list(order="asc", limit=100)]
    assert oldest_first == list(reversed(found))
    assert oa.videos.delete(video.id).deleted
    raises(openai.NotFoundError, lambda: oa.videos.retrieve(video.id))


@check
def videos_of_every_size(oa):
    for size in ("720x1280", "1280x720", "1024x1792", "1792x1024"):
        video = oa.videos.create(prompt="a", size=size, seconds="8")
        width, height = map(int, size.split("x"))
        film(oa.videos.download_content(video.id).read(), (width, height), 8)


@check
def video_of_exact_length(oa):
    video = oa.videos.create(prompt="a [weir: bytes=7691516]")
    data = oa.videos.download_content(video.id).read()
    assert len(data) == 7_691_516
    film(data, (720, 1280), 4)
    with urllib.request.urlopen(f"{BASE}/weir/stats") as stats:
        videos = json.load(stats)["media"]["videos"]
    told = next(each for each in videos if each["id"] == video.id)
    assert told["bytes"] == len(data)
    assert told["md5"] == hashlib.md5(data).hexdigest()
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    part = {"Range": "bytes=7000000-"}
    assert oa.videos.download_content(video.id, extra_headers=part).read() == data[7_000_000:]


@check
def video_that_fails(oa):
    failed = oa.videos.create_and_poll(prompt="a", extra_headers=fault("fail@30;slow-job=200ms"))
    assert (failed.status, failed.progress) == ("failed", 30)
    assert failed.error.code == "video_generation_failed"
    raises(openai.NotFoundError, lambda: oa.videos.download_content(failed.id))
    error = raises(openai.BadRequestError, lambda: oa.videos.create(prompt="a", seconds="5"))
    assert error.param == "seconds"


@check
def video_downloads_that_break(oa):
    path = "vid_weir~bytes=200000"
    whole = oa.videos.download_content(path).read()
    assert len(whole) == 200_000
    once = fault("status=503;retry-after=0;tries=1")
    assert oa.videos.download_content(path, extra_headers=once).read() == whole
    cut = fault("cut@100000")
    raises(Exception, lambda: oa.videos.download_content(path, extra_headers=cut).read())
    short = oa.videos.download_content(path, extra_headers=fault("end@100000")).read()
    assert short == whole[:100_000]
    altered = oa.videos.download_content(path, extra_headers=fault("malformed@7")).read()
    assert [at for at in range(200_000) if altered[at] != whole[at]] == [7]


@check
def images_generated(oa):
    for size, kind in (("1024x1024", "png"), ("1536x1024", "jpeg"), ("1024x1536", "webp")):
        answer = oa.images.generate(prompt="a river", size=size, output_format=kind, n=2)
        dimensions = tuple(map(int, size.split("x")))
        pictures = [from_base64(each.b64_json, dimensions, kind.upper()) for each in answer.data]
        assert pictures[0].tobytes() != pictures[1].tobytes()
        assert (answer.size, answer.output_format) == (size, kind)
        assert answer.usage.total_tokens > 0
    clear = oa.images.generate(prompt="a", size="64x64", background="transparent")
    assert from_base64(clear.data[0].b64_json, (64, 64), "PNG").getpixel((0, 0))[3] == 0
    large = oa.images.generate(prompt="a", size="3840x2160")
    from_base64(large.data[0].b64_json, (3840, 2160), "PNG")


@check
def images_streamed(oa):
    events = list(oa.images.generate(prompt="a", size="64x64", stream=True, partial_images=2))
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"], kinds
    for event in events:
        from_base64(event.b64_json, (64, 64), "PNG")
    events = list(
        oa.images.edit(
            image=("a.png", png(oa)), prompt="a", size="64x64", stream=True, partial_images=1
        )
    )
    kinds = [event.type for event in events]
    assert kinds == ["image_edit.partial_image", "image_edit.completed"], kinds


@check
def images_edited(oa):
    source = png(oa)
    answer = oa.images.edit(
        image=[("a.png", source), ("b.png", source)], mask=("mask.png", source),
        prompt="a bridge", size="1024x1024", input_fidelity="high", output_format="webp",
    )
    from_base64(answer.data[0].b64_json, (1024, 1024), "WEBP")
    error = raises(
        openai.BadRequestError, lambda: oa.images.edit(image=("a.png", b"junk"), prompt="a")
    )
    assert error.param == "image"


IMAGE_TOOL = {"type": "image_generation", "size": "1024x1024", "partial_images": 1}


@check
def responses_with_a_picture(oa):
    started = oa.responses.create(
        model="gpt-5.2", input="draw a river", tools=[IMAGE_TOOL], background=True,
        extra_headers=fault("slow-job=200ms"),
    )
    assert started.status in ("queued", "in_progress") and started.background
    response = started
    deadline = time.monotonic() + 10
    while response.status in ("queued", "in_progress") and time.monotonic() < deadline:
        time.sleep(0.02)
        response = oa.responses.retrieve(started.id)
    assert response.status == "completed"
    call = response.output[0]
    assert call.type == "image_generation_call" and call.status == "completed"
    from_base64(call.result, (1024, 1024), "PNG")
    at_once = oa.responses.create(
        model="m", input="again", tools=[IMAGE_TOOL], previous_response_id=started.id
    )
    from_base64(at_once.output[0].result, (1024, 1024), "PNG")


@check
def responses_with_a_streamed_picture(oa):
    with oa.responses.stream(model="m", input="draw", tools=[IMAGE_TOOL]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    partial = [each for each in events if each.type.endswith("call.partial_image")]
    assert len(partial) == 1
    from_base64(partial[0].partial_image_b64, (1024, 1024), "PNG")
    from_base64(final.output[0].result, (1024, 1024), "PNG")


@check
def responses_in_the_background(oa):
    slow = fault("slow-job=10s")
    running = oa.responses.create(model="m", input="hi", background=True, extra_headers=slow)
    assert oa.responses.cancel(running.id).status == "cancelled"
    assert oa.responses.retrieve(running.id).status == "cancelled"
    quick = oa.responses.create(model="m", input="hi", background=True)
    assert oa.responses.retrieve(quick.id).output_text.startswith("weir/1 ")
    failing = oa.responses.create(
        model="m", input="hi", background=True, extra_headers=fault("fail@0")
    )
    failed = oa.responses.retrieve(failing.id)
    assert failed.status == "failed" and failed.error.code == "server_error"


@check
def files(oa):
    data = bytes(range(256)) * 300
    file = oa.files.create(file=("mask.png", data), purpose="vision")
    assert (file.filename, file.bytes, file.purpose) == ("mask.png", len(data), "vision")
    assert oa.files.retrieve(file.id).id == file.id
    assert oa.files.content(file.id).read() == data
    assert file.id in [each.id for each in oa.files.list()]
    assert oa.files.delete(file.id).deleted
    raises(openai.NotFoundError, lambda: oa.files.retrieve(file.id))


def speak(oa, kind, **options):
    return oa.audio.speech.create(
        model="gpt-4o-mini-tts", input=TEXT, voice="alloy", response_format=kind, **options
    ).read()


@check
def speech(oa):
    seconds = len(TEXT) * 0.06
    sound(speak(oa, "mp3"), seconds)
    sound(speak(oa, "wav"), seconds)
    sound(speak(oa, "wav", speed=2), seconds / 2)
    assert len(speak(oa, "pcm")) == len(TEXT) * 1440 * 2
    sound(speak(oa, "mp3") + speak(oa, "mp3"), 2 * seconds)
    with oa.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", input=TEXT, voice="echo", response_format="wav"
    ) as response:
        sound(b"".join(response.iter_bytes()), seconds)


@check
def transcriptions(oa):
    def transcribe(file, **options):
        return oa.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, **options)

    for kind in ("mp3", "wav"):
        assert transcribe((f"a.{kind}", speak(oa, kind))).text == TEXT
    unknown = ("talk.mp3", b"\xff\xfb\x90\x00" + bytes(80_000))
    text = transcribe(unknown).text
    assert text.startswith("weir/1 ") and text[-8:] == f"{zlib.crc32(text[:-8].encode()):08x}"
    assert transcribe(unknown, response_format="text").strip() == text
    assert transcribe(unknown, response_format="srt").startswith("1\n00:00:00,000 --> ")
    assert transcribe(unknown, response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> ")
    both = ["word", "segment"]
    verbose = transcribe(unknown, response_format="verbose_json", timestamp_granularities=both)
    assert "".join(segment.text for segment in verbose.segments) == verbose.text == text
    assert len(verbose.words) == len(text.split()) and verbose.duration > 0
    diarized = transcribe(unknown, response_format="diarized_json")
    assert {segment.speaker for segment in diarized.segments} == {"A", "B"}
    events = list(transcribe(unknown, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].text == text
    assert "".join(event.delta for event in events[:-1]) == text
    raises(openai.BadRequestError, lambda: transcribe(("a.txt", b"hello")))


@check
def chat_with_sound(oa):
    data = base64.b64encode(speak(oa, "wav")).decode()
    content = [
        {"type": "text", "text": "what is said?"},
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
    ]
    answer = oa.chat.completions.create(
        model="gpt-4o-audio-preview", messages=[{"role": "user", "content": content}]
    )
    assert answer.choices[0].message.content.startswith("weir/1 ")


def main():
    failed = 0
    for strict in (True, False):
        client = openai.OpenAI(
            base_url=f"{BASE}/v1", api_key="none", timeout=60,
            default_headers={"x-weir-profile": "instant"}, _strict_response_validation=strict,
        )
        for function in CHECKS:
            name = f"python {'strict ' if strict else 'default'} {function.__name__}"
            try:
                function(client)
                print(f"ok   {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{2 * len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
