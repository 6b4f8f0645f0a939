"""Train many networks side by side by Ray, on this machine or on a cluster; a run that dies starts again where it stopped.

Every epoch a run sends its files, checkpoint and all, to the machine that the sweep was started on, which keeps them:
no shared disk is needed, and a machine that dies takes no more with it than the epochs under way.
"""

import json
import zlib
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file

from emotion_training.data.fer2013 import Faces
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import RECIPES
from emotion_training.fit.run_folder import Trainable
from emotion_training.sweep import cluster, worker
from emotion_training.sweep.plan import Run
from emotion_training.sweep.table import Figures, Result

UNDER_WAY = "under_way.zip"  # a run's files after its last whole epoch: one file, so never half of two epochs
MEASURED = "public_test.json"


def sweep(
    runs: list[Run],
    data: Trainable,
    taught: SoftTargets | None,
    folder: Path,
    address: str | None = None,
    cpus: int | None = None,
    restarts: int = 3,
) -> list[Result]:
    """Train the runs by the teachers' answers, or alone, each in its folder in `folder`, and measure them on PublicTest.

    Ray is started on this machine, or the cluster at `address` is used, of which this machine must be a part. Each run
    has `cpus` cores (see `share`), and starts again up to `restarts` times. One that was finished before is not run
    again. Raises UserError where Ray is missing or does not answer, or no machine has so many cores.
    """
    ray = cluster.find(address)
    from emotion_training.sweep.view import View

    with cluster.connected(ray, address), View([run.name for run in runs]) as view:
        folder.mkdir(parents=True, exist_ok=True)
        cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        cpus = cpus or share(cores, len(runs))
        if cpus > max(cores):
            raise UserError(f"no machine has {cpus} cores for a run, at most {max(cores)}; give a lower --cpus-per-run")
        try:
            return Sweep(ray, runs, data, taught, folder, cpus, restarts, view).results()
        except ray.exceptions.RayError as error:
            raise UserError(
                f"Ray failed ({cluster.first_sentence(error)}); give the same command again to go on"
            ) from error


def share(cores: list[int], runs: int) -> int:
    """Cores for each run, given those of each machine: all machines filled, but two a run if there are.

    A run uses two cores nearly fully, and several runs on the same two are no faster than one after the other.
    """
    some = [count for count in cores if count] or [1]
    side_by_side = -(-runs // len(some))
    return max(min(2, min(some)), min(some) // max(1, side_by_side))


class Sweep:
    """The runs of a sweep under way."""

    def __init__(
        self,
        ray: ModuleType,
        runs: list[Run],
        data: Trainable,
        taught: SoftTargets | None,
        folder: Path,
        cpus: int,
        restarts: int,
        view: Any,
    ):
        self.ray, self.runs, self.folder, self.view = ray, runs, folder, view
        self.cpus, self.restarts = cpus, restarts
        self.checksum = _checksum(data.faces, taught)
        self.data = ray.put((data, taught))  # once; machines take it from each other
        self.queue = cluster.queue(ray)
        self.on_node = ray.remote(num_cpus=cpus, max_retries=0, max_calls=1, scheduling_strategy="SPREAD")(
            cluster.on_node
        )
        self.done: dict[str, Result] = {}
        self.died = dict.fromkeys((run.name for run in runs), 0)
        self.under_way: dict[Any, Run] = {}  # by Ray's reference to the result

    def results(self) -> list[Result]:
        """Train all, and return what came of them."""
        for run in self.runs:
            if not self._finished_before(run):
                self._start(run)
        while self.under_way:
            over, _ = self.ray.wait(list(self.under_way), timeout=0.5)
            self._take_reports()
            for reference in over:
                self._end(self.under_way.pop(reference), reference)
        return [self.done[run.name] for run in self.runs]

    def _finished_before(self, run: Run) -> bool:
        try:
            before = json.loads((self.folder / run.name / MEASURED).read_text(encoding="utf-8"))
            same = before["settings"] == _trained_as(run) and before["data"] == self.checksum
            figures = before["figures"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if not (same and (self.folder / run.name / "network.keras").is_file()):
            return False
        self._over(Result(run, figures=figures))
        return True

    def _start(self, run: Run) -> None:
        task = worker.Task(run, self._kept(run), self.cpus, home=str(self.folder))
        self.under_way[self.on_node.remote(task, self.data, self.queue)] = run

    def _kept(self, run: Run) -> bytes | None:
        """A run's files so far: after its last epoch in a sweep, or as `emotion-camera train train` left them."""
        folder = self.folder / run.name
        if (folder / UNDER_WAY).is_file():
            return (folder / UNDER_WAY).read_bytes()
        return worker.pack(folder) if folder.is_dir() else None

    def _take_reports(self) -> None:
        for machine, report in self.queue.get_nowait_batch(self.queue.qsize()):
            if report.run in self.done:  # of a machine that was taken for dead
                continue
            (self.folder / report.run).mkdir(exist_ok=True)
            with whole_file(self.folder / report.run / UNDER_WAY) as beside:
                beside.write_bytes(report.files)
            again = f", started again {self.died[report.run]} x" if self.died[report.run] else ""
            self.view.say(
                report.run,
                f"epoch {report.epoch} of {report.epochs}, loss {report.loss:.3f}, PublicTest {report.accuracy:.1%}, "
                f"on {machine}{again}",
            )

    def _end(self, run: Run, reference: Any) -> None:
        """Keep what came of a run, or start it again if it died."""
        try:
            result = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            self._died(run, getattr(error, "cause", None) or error)
            return
        if "refused" in result:
            self._over(Result(run, failed=result["refused"]))
            return
        _keep(result["files"], self.folder / run.name)
        measured = {"settings": _trained_as(run), "data": self.checksum, "figures": result["figures"]}
        with whole_file(self.folder / run.name / MEASURED) as beside:
            beside.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        self._over(Result(run, figures=result["figures"]))

    def _died(self, run: Run, error: BaseException) -> None:
        why = f"{type(error).__name__}: {cluster.first_sentence(error)}"
        self.died[run.name] += 1
        if self.died[run.name] > self.restarts:
            self._over(Result(run, failed=f"died {self.died[run.name]} times, last of {why}"))
            return
        self.view.say(run.name, f"died ({why}), waits to start again")
        self._start(run)

    def _over(self, result: Result) -> None:
        self.done[result.run.name] = result
        self.view.say(result.run.name, f"failed: {result.failed}" if result.figures is None else _said(result.figures))


def _keep(files: bytes, folder: Path) -> None:
    """Lay a finished run's files out in its folder; until all are there they are whole in one file."""
    folder.mkdir(exist_ok=True)
    with whole_file(folder / UNDER_WAY) as beside:
        beside.write_bytes(files)
    worker.unpack(files, folder)
    (folder / UNDER_WAY).unlink()


def _trained_as(run: Run) -> dict[str, Any]:
    """What a run's figures depend on beside the data, as JSON gives it back."""
    return json.loads(json.dumps({**asdict(run.settings), "recipe": asdict(RECIPES[run.settings.network])}))


def _checksum(faces: Faces, taught: SoftTargets | None) -> int:
    total = 0
    scores = None if taught is None else taught.scores
    for array in (faces.images, faces.labels, faces.usage, faces.votes, scores):
        total = zlib.crc32(b"" if array is None else array.tobytes(), total)
    return total


def _said(figures: Figures) -> str:
    return "finished: " + ", ".join(f"{protocol} {it['accuracy']:.1%}" for protocol, it in figures.items())
