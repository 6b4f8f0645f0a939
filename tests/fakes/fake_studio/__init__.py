"""A server on this computer that answers as Edge Impulse's services are documented to: the tools run with no account.

It is not Edge Impulse. It keeps what is uploaded, and answers wrongly on purpose where a test asks for that.
"""

from fake_studio.server import FakeStudio

__all__ = ["FakeStudio"]
