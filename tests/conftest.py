"""What all tests share: cameras that are none, as serial cables of pseudo-terminals and as sockets that play reports."""

import os
import select
import signal
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from report_samples import as_line

PATIENCE_S = 30  # a test that hears nothing for this long is broken
ON_TERMINALS = {
    "test_deploy",
    "test_deploy_disk",
    "test_deploy_power",
    "test_repl_firmware",
    "test_verify_camera",
    "test_repl",
    "test_doctor",
    "test_lying_camera",
    "test_stream",
    "test_read_reports",
    "test_controls_by_openmv",
    "test_collect",
    "test_release",
}
# Modules of which each test runs the camera program, a camera or a training for seconds: slow, all of them.
RUN_LONG = {
    "test_accuracy_bounds",
    "test_board_starts",
    "test_boards",
    "test_clip",
    "test_collect",
    "test_commands",
    "test_control_channel",
    "test_controls_by_openmv",
    "test_demo",
    "test_demo_brought",
    "test_deploy",
    "test_deploy_disk",
    "test_deploy_power",
    "test_doctor",
    "test_ei_runner",
    "test_ei_studio",
    "test_finetune",
    "test_fit",
    "test_labels_on_camera",
    "test_main",
    "test_pytorch",
    "test_recovery",
    "test_repl",
    "test_repl_firmware",
    "test_simulated_disk",
    "test_stream",
    "test_sweep",
    "test_verify_camera",
    "test_watch_page",
}
NEWEST = "v5.0"  # of the firmware generations; the daily tests run on this one

# No example is too slow: how long one takes is the machine's business, and speed is measured by `make bench`.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# Under nohup, or in the background, these are ignored, and the programs that the tests start and stop would inherit
# that. A handler that does nothing keeps this process as deaf as it was, and is not inherited.
for name in ("SIGINT", "SIGHUP"):  # Windows has no SIGHUP
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the marks
def pytest_collection_modifyitems(items):
    for item in items:
        values = item.callspec.params if hasattr(item, "callspec") else {}
        whole_program = "device" in item.path.parts and values.get("firmware", NEWEST) != NEWEST
        if item.module.__name__ in RUN_LONG or whole_program:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def one_at_a_time(request, tmp_path_factory):
    """Tests whose cameras vanish run alone: the system gives the name of a closed pseudo-terminal to the next one, and two
    tests in two processes would talk to each other's camera."""
    if request.module.__name__ not in ON_TERMINALS or not hasattr(os, "openpty"):
        yield
        return
    import fcntl

    with open(tmp_path_factory.getbasetemp().parent / "terminals.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def patience():
    """Ends a test that waits for ever, with a traceback of where."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"nothing came for {PATIENCE_S} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Cable:
    """A serial cable that can be plugged in and pulled out: a pseudo-terminal behind a path that stays the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ends: list[int] = []  # file descriptors of the camera's and the computer's end, while plugged in

    def plug(self) -> None:
        import tty

        self.ends = list(os.openpty())
        tty.setraw(self.ends[1])
        self.path.symlink_to(os.ttyname(self.ends[1]))

    def pull(self) -> None:
        self.path.unlink()
        while self.ends:
            os.close(self.ends.pop())

    def is_open(self) -> bool:
        """Whether the computer has opened its end."""
        if len(self.ends) == 2:
            os.close(self.ends.pop())  # ours would count
        poll = select.poll()
        poll.register(self.ends[0], 0)
        return not poll.poll(0)  # hung up

    def send(self, data: bytes) -> None:
        os.write(self.ends[0], data)

    def take(self) -> bytes:
        """What the computer has sent."""
        return os.read(self.ends[0], 4096)


@pytest.fixture
def plug_in(tmp_path, patience):
    """A function that plugs in a cable by a name in tmp_path; all are pulled at the end."""
    if not hasattr(os, "openpty"):
        pytest.skip("no pseudo-terminals on this system")
    cables: list[Cable] = []

    def plug(name: str = "camera") -> Cable:
        cables.append(Cable(tmp_path / name))
        cables[-1].plug()
        return cables[-1]

    yield plug
    for cable in cables:
        if cable.ends:
            cable.pull()


class Player:
    """Plays lines 25 times to whoever connects, then is silent: a client throws away what comes while it opens the port,
    and 25 times are too few to fill a buffer that the client forgot to flush."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._over = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._address = self._server.getsockname()
        self.url = f"socket://127.0.0.1:{self._address[1]}"
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def _play(self) -> None:
        client, _ = self._server.accept()
        with client:
            for _ in range(25):
                try:
                    client.sendall(b"".join(self._lines))
                except OSError:
                    return  # the client has gone
                if self._over.wait(0.1):
                    return
            self._over.wait()

    def end(self) -> None:
        self._over.set()
        with socket.socket() as call:  # nobody may have come
            call.connect_ex(self._address)
        self._thread.join()
        self._server.close()


@pytest.fixture
def play():
    """A function that plays reports on a socket and gives its URL."""
    players: list[Player] = []

    def start(*reports: dict) -> str:
        players.append(Player([as_line(report) for report in reports]))
        return players[-1].url

    yield start
    for player in players:
        player.end()
