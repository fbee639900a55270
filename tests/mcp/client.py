"""The official MCP client against `weir mcp` in front of the simulator.

    python tests/mcp/client.py WEIR SIMULATOR_URL

Goes through the tools as an agent would: over stdio and over HTTP, in the revision with sessions and
in the one without. Every file that lands is read back and compared with its digest.
"""

import asyncio
import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from mcp import Client, StdioServerParameters

WEIR, SIMULATOR = sys.argv[1:3]
SESSIONS, STATELESS = "2025-11-25", "2026-07-28"

TOOLS = {
    "create_video", "get_video_status", "wait_video", "download_video", "list_videos",
    "delete_video", "remix_video", "list_local_videos", "list_reference_images",
    "prepare_reference_image", "create_image", "get_image_status", "wait_image", "download_image",
    "generate_image", "edit_image", "list_audio_files", "get_latest_audio", "convert_audio",
    "compress_audio", "transcribe_audio", "chat_with_audio", "transcribe_with_enhancement",
    "create_audio", "view_media", "_get_media_data",
}


def environment(folder):
    return {
        "PATH": os.environ["PATH"],
        "WEIR_MEDIA_PATH": str(folder),
        "OPENAI_BASE_URL": SIMULATOR + "/v1",
        "OPENAI_API_KEY": "sk-test",
    }


def plain(result):
    """The value of a result, which its text must say as well."""
    assert not result.is_error, result.content[0].text
    value = json.loads(result.content[0].text)
    assert value == result.structured_content, (value, result.structured_content)
    return value


async def refused(client, name, arguments, expected):
    result = await client.call_tool(name, arguments)
    text = result.content[0].text
    assert result.is_error and expected in text, text
    assert str(pathlib.Path.cwd()) not in text and "/tmp/" not in text, text


async def listed(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == TOOLS, set(tools) ^ TOOLS
    assert all(tool.output_schema for tool in tools.values())
    assert tools["delete_video"].annotations.destructive_hint is True
    assert tools["create_video"].annotations.destructive_hint is False
    assert tools["list_videos"].annotations.read_only_hint is True
    assert tools["list_local_videos"].annotations.open_world_hint is False


async def videos(client, folder):
    started = plain(await client.call_tool("create_video", {"prompt": "a weir", "seconds": "4"}))
    steps = []

    async def progress(done, total, message):
        steps.append((done, total, message))

    waiting = {"video_id": started["id"], "timeout_seconds": 60}
    done = plain(await client.call_tool("wait_video", waiting, progress_callback=progress))
    assert done["status"] == "completed", done
    steps.clear()
    wanted = {"video_id": started["id"], "filename": "one.mp4", "md5": True}
    file = plain(await client.call_tool("download_video", wanted, progress_callback=progress))
    assert steps and all(one[0] < other[0] for one, other in zip(steps, steps[1:])), steps
    data = (folder / "videos" / "one.mp4").read_bytes()
    assert file["size_bytes"] == len(data) and file["filename"] == "one.mp4", file
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert file["md5"] == hashlib.md5(data).hexdigest()
    assert data[4:8] == b"ftyp"

    # Eight at once: every one has a file of its own, and all are whole.
    async def another(number):
        name = {"video_id": started["id"], "filename": f"many-{number}.mp4"}
        return plain(await client.call_tool("download_video", name))

    many = await asyncio.gather(*(another(number) for number in range(8)))
    assert len({one["filename"] for one in many}) == 8
    for one in many:
        data = (folder / "videos" / one["filename"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one["sha256"]

    for variant, extension in [("thumbnail", ".webp"), ("spritesheet", ".jpg")]:
        picture = {"video_id": started["id"], "variant": variant}
        file = plain(await client.call_tool("download_video", picture))
        assert file["filename"] == started["id"] + extension, file
        assert file["variant"] == variant and digest_of(folder / "videos", file) == file["sha256"]
    local = plain(await client.call_tool("list_local_videos", {"pattern": "many-*.mp4"}))
    assert len(local["data"]) == 8 and all(it["file_type"] == "mp4" for it in local["data"])
    page = plain(await client.call_tool("list_videos", {"limit": 1}))
    assert len(page["data"]) == 1 and page["last"] == page["data"][0]["id"]
    again = {"previous_video_id": started["id"], "prompt": "in winter"}
    remixed = plain(await client.call_tool("remix_video", again))
    assert remixed["remixed_from_video_id"] == started["id"], remixed
    gone = plain(await client.call_tool("delete_video", {"video_id": remixed["id"]}))
    assert gone["deleted"] is True
    leftovers = [path.name for path in (folder / "videos").iterdir() if path.name.startswith(".")]
    assert not leftovers, leftovers


def digest_of(folder, file):
    """The digest of a file that a tool has written, whose length it must have said as well."""
    data = (folder / file["filename"]).read_bytes()
    assert file["size_bytes"] == len(data), file
    return hashlib.sha256(data).hexdigest()


async def pictures(client, folder):
    images = folder / "images"
    made = {"prompt": "a weir", "size": "1024x1024", "quality": "low", "filename": "one.png"}
    one = plain(await client.call_tool("generate_image", made))
    assert one["size"] == [1024, 1024] and one["format"].lower() == "png", one
    assert digest_of(images, one) == one["sha256"] and one["model"] and one["usage"], one
    made |= {"background": "transparent", "filename": "mask.png"}
    mask = plain(await client.call_tool("generate_image", made))
    changed = {"prompt": "in winter", "input_images": ["one.png", "one.png"], "filename": "two.png",
               "mask_filename": "mask.png", "size": "1024x1536"}
    two = plain(await client.call_tool("edit_image", changed))
    assert two["filename"] == "two.png" and two["size"] == [1024, 1536], two
    assert digest_of(images, two) == two["sha256"] != one["sha256"]

    # The whole way of a job, from pictures that lie here.
    wanted = {"prompt": "in spring", "input_images": ["one.png"], "mask_filename": "mask.png",
              "tool_config": {"type": "image_generation", "size": "1536x1024"}}
    job = plain(await client.call_tool("create_image", wanted))
    assert job["id"] and isinstance(job["created_at"], float), job
    while job["status"] in ("queued", "in_progress"):
        await asyncio.sleep(0.05)
        job = plain(await client.call_tool("get_image_status", {"response_id": job["id"]}))
    assert job["status"] == "completed", job
    name = {"response_id": job["id"], "filename": "three.png"}
    three = plain(await client.call_tool("download_image", name))
    assert three["filename"] == "three.png" and three["size"] == [1536, 1024], three
    assert digest_of(images, three) == three["sha256"]
    further = {"prompt": "at night", "previous_response_id": job["id"]}
    assert plain(await client.call_tool("create_image", further))["id"] != job["id"]
    lonely = {"prompt": "x", "mask_filename": "mask.png"}
    await refused(client, "create_image", lonely, "Error executing tool create_image")
    kept = {path.name for path in images.iterdir()}
    assert kept == {"one.png", "mask.png", "two.png", "three.png"}, kept


WORDS = "water runs over the weir and under the old bridge"


async def sounds(client, folder):
    audio = folder / "audio"
    said = {"text_prompt": WORDS, "output_filename": "words.mp3", "voice": "alloy", "speed": 1.5}
    spoken = plain(await client.call_tool("create_audio", said))
    assert (spoken["output_file"], spoken["provider"]) == ("words.mp3", "openai"), spoken
    assert (spoken["characters"], spoken["requests"]) == (len(WORDS), 1), spoken
    assert spoken["size_bytes"] == (audio / "words.mp3").stat().st_size

    file = {"file_path": "words.mp3"}
    heard = plain(await client.call_tool("transcribe_audio", file))
    assert heard["text"].strip() == WORDS and heard["chunked"] is False and not heard["windows"], heard
    timed = file | {"model": "whisper-1", "response_format": "verbose_json",
                    "timestamp_granularities": ["word", "segment"]}
    heard = plain(await client.call_tool("transcribe_audio", timed))
    assert heard["text"].strip() == WORDS and heard["segments"] and heard["words"], heard
    better = plain(await client.call_tool("transcribe_with_enhancement", file))
    assert better["text"], better
    asked = file | {"system_prompt": "be short", "user_prompt": "what is said here?"}
    assert plain(await client.call_tool("chat_with_audio", asked))["text"]

    # Every round has the same folder.
    again = {"on_conflict": "overwrite"}
    other = {"input_path": "words.mp3", "output_format": "wav"} | again
    converted = plain(await client.call_tool("convert_audio", other))["output_file"]
    data = (audio / converted).read_bytes()
    assert data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") == len(data) - 8, converted
    # It is small already, and is what it was.
    small = plain(await client.call_tool("compress_audio", {"input_path": "words.mp3"} | again))
    assert (audio / small["output_file"]).read_bytes() == (audio / "words.mp3").read_bytes()

    # The newest by a clock that knows no fractions.
    os.utime(audio / converted, (2_000_000_000, 2_000_000_000))
    latest = plain(await client.call_tool("get_latest_audio", {}))
    assert latest["file_name"] == converted and latest["format"] == "wav", latest
    assert latest["size_bytes"] == len(data) and "whisper-1" in latest["transcription_support"], latest
    by_size = {"sort_by": "size", "reverse": True}
    found = plain(await client.call_tool("list_audio_files", by_size))["result"]
    assert [one["file_name"] for one in found][0] == converted, found
    assert {one["file_name"] for one in found} == {path.name for path in audio.iterdir()}
    only = plain(await client.call_tool("list_audio_files", {"format": "wav"}))["result"]
    assert [one["file_name"] for one in only] == [converted], only


async def refusals(client):
    await refused(client, "no_such_tool", {}, "Unknown tool: no_such_tool")
    await refused(client, "create_video", {}, "Error executing tool create_video: invalid arguments")
    await refused(client, "get_video_status", {"video_id": "../../x"}, "Error executing tool")
    name = {"video_id": "video_1", "filename": "../x.mp4"}
    await refused(client, "download_video", name, "path traversal detected in '../x.mp4'")
    name = {"video_id": "video_1", "filename": "x.sh"}
    await refused(client, "download_video", name, "Unsupported file extension")
    await refused(client, "list_local_videos", {"limit": -1}, "Invalid limit")
    view = {"media_type": "video", "filename": "missing.mp4"}
    await refused(client, "view_media", view, "File not found: missing.mp4")


async def viewing(client, folder):
    # Longer than a piece, whose usual size must fit into one event of this client.
    (folder / "videos" / "long.mp4").write_bytes(bytes(range(256)) * 2500)
    name = {"media_type": "video", "filename": "long.mp4"}
    seen = plain(await client.call_tool("view_media", name))
    data, offset = b"", 0
    while True:
        piece = name | {"offset": offset}
        part = plain(await client.call_tool("_get_media_data", piece))
        data += base64.b64decode(part["data"])
        offset += part["chunk_size"]
        if part["is_last"]:
            break
    assert data == (folder / "videos" / "long.mp4").read_bytes() and len(data) == seen["size_bytes"]
    uris = {str(resource.uri) for resource in (await client.list_resources()).resources}
    assert uris == {"ui://weir/media-viewer.html", "ui://sanzaru/media-viewer.html"}, uris
    page = (await client.read_resource("ui://sanzaru/media-viewer.html")).contents[0]
    assert page.mime_type == "text/html;profile=mcp-app" and "_get_media_data" in page.text


async def cancelled(client):
    """A call that nobody waits for any more ends on the server, and the client goes on."""
    slow = asyncio.ensure_future(client.call_tool("wait_video", {"video_id": "video_unknown"}))
    await asyncio.sleep(0)
    slow.cancel()
    try:
        await slow
    except asyncio.CancelledError:
        pass
    plain(await client.call_tool("list_local_videos", {}))


async def whole_round(client, folder, version):
    assert client.protocol_version == version, client.protocol_version
    assert client.server_info.name == "weir" and client.server_info.version[0].isdigit()
    await listed(client)
    await videos(client, folder)
    await pictures(client, folder)
    await sounds(client, folder)
    await refusals(client)
    await viewing(client, folder)
    await cancelled(client)


async def over_stdio(mode, version):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        server = StdioServerParameters(command=WEIR, args=["mcp"], env=environment(folder))
        async with Client(server, mode=mode) as client:
            await whole_round(client, folder, version)


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def beside(url, folder):
    """What lies beside /mcp."""
    data = (folder / "videos" / "one.mp4").read_bytes()
    status, body, head = get(url + "/media/video/one.mp4")
    assert (status, body, head["content-type"]) == (200, data, "video/mp4")
    status, body, head = get(url + "/media/video/one.mp4", Range="bytes=10-19")
    assert (status, body) == (206, data[10:20])
    assert head["content-range"] == f"bytes 10-19/{len(data)}"
    assert get(url + "/media/video/one.mp4", Range=f"bytes={len(data)}-")[0] == 416
    status, _, _ = get(url + "/media/video/one.mp4", **{"If-None-Match": head["etag"]})
    assert status == 304
    for path, expected in [("video/none.mp4", 404), ("video/..%2Fone.mp4", 404), ("text/a", 400)]:
        assert get(url + "/media/" + path)[0] == expected, path
    assert get(url + "/mcp", Host="evil.example")[0] == 421
    assert get(url + "/mcp", Origin="https://evil.example")[0] == 403
    assert get(url + "/mcp")[0] == 406
    assert get(url + "/healthz")[1] == b"ok\n" and get(url + "/readyz")[0] == 200
    metrics = get(url + "/metrics")[1].decode()
    assert 'weir_media_calls_total{tool="download_video",outcome="ok"}' in metrics, metrics
    assert "weir_media_transfers_running 0" in metrics


async def over_http(command, folder):
    server = subprocess.Popen(command, env=environment(folder), stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        async with Client(url + "/mcp", mode="legacy") as client:
            await whole_round(client, folder, SESSIONS)
        async with Client(url + "/mcp", mode="auto") as client:
            await whole_round(client, folder, STATELESS)
        return url
    finally:
        if sys.exc_info()[0] is None and command[1] == "mcp":
            beside(url, folder)
        server.terminate()
        assert server.wait(20) == 0 or sys.exc_info()[0]


async def main():
    await over_stdio("legacy", SESSIONS)
    await over_stdio("auto", STATELESS)
    with tempfile.TemporaryDirectory() as folder:
        command = [WEIR, "mcp", "--listen", "127.0.0.1:0"]
        await over_http(command, pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        command = [WEIR, "serve", "--listen", "127.0.0.1:0", "--upstream", SIMULATOR]
        await over_http([*command, "--media", folder], pathlib.Path(folder))
    print("the official MCP client: 4 rounds passed")


asyncio.run(main())
