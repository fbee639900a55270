"""Writes the pictures that the test `resizing_agrees_with_pillow` compares with.

Run with Pillow 13 in this folder: python pillow.py
The source is a formula, so that the test can make it again without a file.
"""

from PIL import Image

WIDTH, HEIGHT = 150, 117

source = Image.new("RGB", (WIDTH, HEIGHT))
source.putdata([
    (60 + (3 * x + 2 * y) % 128, 60 + (x * y // 40) % 128, 180 if (x // 9 + y // 7) % 2 else 70)
    for y in range(HEIGHT)
    for x in range(WIDTH)
])
for name, size in (("smaller", (64, 36)), ("larger", (176, 99))):
    source.resize(size, Image.Resampling.LANCZOS).save(f"{name}.png", optimize=True)
