"""The README's picture, from what `make demo` wrote: `python docs/pictures/picture.py` turns demo/demo.gif into docs/demo.webp."""

from pathlib import Path

from PIL import Image, ImageSequence

ROOT = Path(__file__).resolve().parents[1]
SIZE = (480, 360)
QUALITY = 60  # 0.7 MB, letters still legible

with Image.open(ROOT / "demo" / "demo.gif") as clip:
    frames = [frame.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS) for frame in ImageSequence.Iterator(clip)]
    del frames[0]  # it still shows the self-test's pattern
    duration = clip.info["duration"]
frames[0].save(
    ROOT / "docs" / "demo.webp",
    save_all=True,
    append_images=frames[1:],
    duration=duration,
    loop=0,
    quality=QUALITY,
    method=6,
)
