"""Frames as JPEG."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def data_url(data: bytes) -> str:
    """A JPEG file as a URL that pages show without a request."""
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """The JPEG file of a picture uint8 [H, W] or [H, W, 3]; quality: 1 to 95."""
    from PIL import Image

    data = BytesIO()
    Image.fromarray(picture).save(data, format="JPEG", quality=quality)
    return data.getvalue()
