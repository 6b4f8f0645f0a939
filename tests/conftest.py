"""What all tests share."""

import signal

from hypothesis import settings

# No example is too slow: how long one takes is the machine's business, and speed is measured by `make bench`.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# Under nohup, or in the background, these are ignored, and the programs that the tests start and stop would inherit
# that. A handler that does nothing keeps this process as deaf as it was, and is not inherited.
for name in ("SIGINT", "SIGHUP"):  # Windows has no SIGHUP
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)
