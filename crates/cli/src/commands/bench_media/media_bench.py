"""The same work in Python: Pillow, files, base64. Prints seconds as JSON.

usage: PICTURE FOLDER FILE_BYTES ITEMS REPEAT
"""

import base64
import concurrent.futures
import hashlib
import io
import json
import os
import sys
import time

from PIL import Image

picture, folder = sys.argv[1:3]
file_bytes, items, repeat = map(int, sys.argv[3:])
with open(picture, "rb") as source:
    jpeg = source.read()
data = (jpeg * (file_bytes // len(jpeg) + 1))[:file_bytes]
text = base64.b64encode(data)


def resize(source):
    scale = max(1280 / source.width, 720 / source.height)
    size = (round(source.width * scale), round(source.height * scale))
    resized = source.resize(size, Image.Resampling.LANCZOS)
    left, top = (resized.width - 1280) // 2, (resized.height - 720) // 2
    return resized.crop((left, top, left + 1280, top + 720))


def prepare():
    # From bytes to bytes, as beside it: what files cost is a row of its own.
    png = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as source:
        resize(source.convert("RGB")).save(png, "PNG")
    return png.getvalue()


def image(number):
    prepare()


def file(number):
    path = os.path.join(folder, f"python-{number}.mp4")
    hashlib.sha256(data).hexdigest()
    with open(path + ".part", "wb") as target:
        target.write(data)
        target.flush()
        os.fsync(target.fileno())
    os.replace(path + ".part", path)


def decode(number):
    assert len(base64.b64decode(text)) == file_bytes


def mixed(number):
    (image, file, decode)[number % 3](number)


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


result = []
# As many threads as an asyncio server has for blocking work.
with concurrent.futures.ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 4)) as pool:
    for work in (image, file, decode, mixed):

        def in_turn(work=work):
            for number in range(items):
                work(number)

        def at_once(work=work):
            list(pool.map(work, range(items)))

        at_once()
        times = [(timed(in_turn), timed(at_once)) for _ in range(repeat)]
        result.append({"in_turn_s": [a for a, _ in times], "at_once_s": [b for _, b in times]})

with Image.open(io.BytesIO(jpeg)) as source:
    pixels = source.convert("RGB")
png_bytes = len(prepare())
steps = [(timed(lambda: resize(pixels)), timed(prepare)) for _ in range(repeat)]
print(
    json.dumps({
        "workloads": result,
        "picture": {
            "resize_s": [a for a, _ in steps],
            "whole_s": [b for _, b in steps],
            "png_bytes": png_bytes,
        },
    })
)
