"""The Studio API as far as Edge Impulse's SDK calls it for `profile` and `deploy` of a model: uploads, jobs, a download.

The model's file is read, so sizes, outputs and refusals are real. The estimates are this stand-in's own and say so: ROM is the
file's size, RAM the arena that TensorFlow Lite Micro needs, time the multiply-accumulates at 2.3 cycles each. Studio's are
others. It converts nothing: a float model stays one.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web
from emotion_camera.model.tflite import Description, Tensor, describe
from emotion_camera.model.tflm import arena_bytes

from fake_studio.ingestion import refusal
from fake_studio.project import Project

CYCLES = 2.3  # of a multiply-accumulate
DEVICES = {"cortex-m4f-80mhz": 80, "cortex-m7-216mhz": 216}  # MHz
TABLE = {"lowEndMcu": 80, "highEndMcu": 480, "mpu": 1500}  # MHz
SHORT_S = 0.3  # a job that ends within this is done when it is first asked after: the SDK asks once a second
START = "2025-01-01T00:00:00.000Z"
SCRIPT = """# From the fake Studio, which is not Edge Impulse: in its place lies a program there that shows each frame's label.
# The model and labels beside it are what matters: emotion-camera edge-impulse import
"""


@dataclass
class Job:
    """One job: what it is called, its log, and how it ended, None while it runs."""

    id: int
    category: str
    log: list[str] = field(default_factory=list)
    ok: bool | None = None
    task: asyncio.Task[None] | None = None


@dataclass
class Uploaded:
    """The project's pretrained model: the file, what stands in it, and what it was said to be."""

    name: str
    data: bytes
    found: Description
    arena: int
    device: str | None
    profiled: bool = False
    labels: list[str] | None = None  # None until the parameters are saved
    built: bytes | None = None

    @property
    def variant(self) -> str:
        return "int8" if self.found.inputs[0].dtype == "int8" else "float32"


def read_model(name: str, data: bytes, device: str | None) -> Uploaded:
    """What an uploaded file is; ModelError where it is no TensorFlow Lite model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(data)
        found = describe(path)
        int8 = found.inputs[0].dtype == "int8" and not found.hybrid
        return Uploaded(name, data, found, (arena_bytes(data) or 0) if int8 else 0, device)


def build_openmv(model: Uploaded) -> bytes:
    """The zip of an OpenMV library."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("trained.tflite", model.data)
        archive.writestr("labels.txt", "\n".join(model.labels or []) + "\n")
        archive.writestr("ei_image_classification.py", SCRIPT)
    return file.getvalue()


class Studio:
    """One project's side of the API: its jobs and its pretrained model."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.jobs: list[Job] = []
        self.model: Uploaded | None = None

    async def start(self, category: str, work: Callable[[], None], **more: Any) -> web.Response:
        """Begins a job; work runs in a thread, and fails the job with whatever it raises."""
        job = Job(len(self.jobs) + 1, category)
        self.jobs.append(job)
        job.task = asyncio.create_task(_run(job, work))
        await asyncio.wait({job.task}, timeout=SHORT_S)
        return _yes(id=job.id, **more)

    async def projects(self, request: web.Request) -> web.Response:
        return _yes(projects=[_project(self.project)])

    async def info(self, request: web.Request) -> web.Response:
        return _yes(**_project_info(self.project))

    async def upload(self, request: web.Request) -> web.Response:
        parts = await _parts(request)
        if "modelFile" not in parts:
            return refusal(400, "modelFile is missing")
        kind, device = parts.get("modelFileType", b"").decode(), parts.get("device", b"").decode() or None
        name = parts.get("modelFileName", b"model").decode()

        def work() -> None:
            if kind != "tflite":
                raise ValueError(f"the fake Studio reads .tflite files alone, not {kind}")
            self.model = read_model(name, parts["modelFile"], device)

        return await self.start("Uploading model", work)

    async def profile(self, request: web.Request) -> web.Response:
        model = self.model
        if model is None:
            return _no("No pretrained model was uploaded")

        def work() -> None:
            model.profiled = True

        return await self.start("Profiling model", work)

    async def pretrained(self, request: web.Request) -> web.Response:
        model = self.model
        if model is None:
            return _yes(specificDeviceSelected=False, availableModelTypes=[])
        about = {
            "fileName": model.name,
            "inputs": [_tensor(it) for it in model.found.inputs],
            "outputs": [_tensor(it) for it in model.found.outputs],
            "supportsTFLite": True,
        }
        if model.profiled:
            about["profileInfo"] = _profile(model)
        return _yes(specificDeviceSelected=bool(model.device), availableModelTypes=[model.variant], model=about)

    async def save(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.model is None:
            return _no("No pretrained model was uploaded")
        if asked["input"].get("inputType") != "image" or asked["model"].get("modelType") != "classification":
            return _no("The fake Studio takes image classification alone")
        labels, outputs = asked["model"].get("labels") or [], self.model.found.outputs[0].shape[-1]
        if len(labels) != outputs:
            return _no(f"{len(labels)} labels were given, but the model has {outputs} outputs")
        self.model.labels = labels
        return _yes()

    async def targets(self, request: web.Request) -> web.Response:
        return _yes(targets=[_target("OpenMV library", "openmv")])

    async def build(self, request: web.Request) -> web.Response:
        model, asked = self.model, await request.json()
        if model is None or model.labels is None:
            return _no("The pretrained model's parameters were not saved")
        if request.query.get("type") != "openmv" or asked.get("modelType") != model.variant:
            return _no(f"There is no {asked.get('modelType')} build for {request.query.get('type')}")

        def work() -> None:
            model.built = build_openmv(model)

        return await self.start("Building deployment", work, deploymentVersion=len(self.jobs) + 1)

    async def download(self, request: web.Request) -> web.Response:
        if self.model is None or self.model.built is None:
            return refusal(404, "There is no deployment, build one first")
        name = f"attachment; filename*=utf-8''ei-fake-openmv-v{len(self.jobs)}.zip"
        return web.Response(body=self.model.built, headers={"Content-Disposition": name})

    async def status(self, request: web.Request) -> web.Response:
        job = self._job(request)
        return _yes(job=_job(job)) if job else _no("Unknown job ID")

    async def log(self, request: web.Request) -> web.Response:
        job = self._job(request)
        lines = [{"created": START, "data": line} for line in job.log] if job else []
        return _yes(stdout=lines, totalCount=len(lines))

    async def cancel(self, request: web.Request) -> web.Response:
        return _yes() if self._job(request) else _no("Unknown job ID")

    def _job(self, request: web.Request) -> Job | None:
        number = int(request.match_info["job"])
        return self.jobs[number - 1] if 0 < number <= len(self.jobs) else None


def routes(project: Project) -> list[web.RouteDef]:
    """The API's routes for a project. (Its key is looked at before they are.)"""
    studio = Studio(project)
    top = f"/v1/api/{project.id}"
    job = top + r"/jobs/{job:\d+}"
    return [
        web.get("/v1/api/projects", studio.projects),
        web.get(top, studio.info),
        web.post(f"{top}/pretrained-model/upload", studio.upload),
        web.post(f"{top}/pretrained-model/profile", studio.profile),
        web.post(f"{top}/pretrained-model/save", studio.save),
        web.get(f"{top}/pretrained-model", studio.pretrained),
        web.get(f"{top}/deployment/targets/data-sources", studio.targets),
        web.get(f"{top}/deployment/download", studio.download),
        web.post(f"{top}/jobs/build-ondevice-model", studio.build),
        web.get(f"{job}/status", studio.status),
        web.get(f"{job}/stdout", studio.log),
        web.post(f"{job}/cancel", studio.cancel),
    ]


async def _run(job: Job, work: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(work)
        job.ok = True
    except Exception as error:
        job.log.append(str(error))
        job.ok = False


async def _parts(request: web.Request) -> dict[str, bytes]:
    if not request.content_type.startswith("multipart/"):
        return {}
    found = {}
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader) and part.name:
            found[part.name] = bytes(await part.read())
    return found


def _yes(**fields: Any) -> web.Response:
    return web.json_response({"success": True, **fields})


def _no(error: str) -> web.Response:
    """As the API refuses what is well formed: with status 200."""
    return web.json_response({"success": False, "error": error})


def _job(job: Job) -> dict[str, Any]:
    ended = {} if job.ok is None else {"finished": _now(), "finishedSuccessful": job.ok}
    key = job.category.lower().replace(" ", "-")
    return {
        "id": job.id, "category": job.category, "categoryKey": key, "key": f"{key}-{job.id}",
        "created": START, "started": START, "jobNotificationUids": [], **ended,
    }  # fmt: skip


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _tensor(tensor: Tensor) -> dict[str, Any]:
    quantized = {"quantizationScale": tensor.scale, "quantizationZeroPoint": tensor.zero_point} if tensor.scale else {}
    return {"dataType": tensor.dtype, "name": "tensor", "shape": list(tensor.shape), **quantized}


def _profile(model: Uploaded) -> dict[str, Any]:
    def ms(clock_mhz: int) -> int:
        return round(model.found.macs * CYCLES / clock_mhz / 1000)

    memory = {"ram": model.arena, "rom": model.found.size}
    table: dict[str, Any] = {
        name: {"description": f"stand-in's estimate at {clock} MHz", "timePerInferenceMs": ms(clock), "supported": True}
        for name, clock in TABLE.items()
    }
    for name in ("lowEndMcu", "highEndMcu"):
        table[name]["memory"] = {"tflite": memory}
    table["mpu"]["rom"] = model.found.size
    unknown = {"description": "accelerator, of which the stand-in knows nothing", "supported": False}
    info = {
        "table": {
            "variant": model.variant,
            **table,
            "highEndMcuPlusAccelerator": unknown,
            "gpuOrMpuAccelerator": unknown,
        }
    }
    if model.device in DEVICES:
        info[model.variant] = {
            "variant": model.variant, "device": model.device, "tfliteFileSizeBytes": model.found.size,
            "isSupportedOnMcu": True, "customMetrics": [], "hasPerformance": True,
            "memory": {"tflite": {**memory, "arenaSize": model.arena}}, "timePerInferenceMs": ms(DEVICES[model.device]),
        }  # fmt: skip
    return info


def _project(project: Project) -> dict[str, Any]:
    return {
        "id": project.id, "name": "simulator", "description": "not Edge Impulse", "created": START, "owner": "nobody",
        "ownerIsDeveloperProfile": False, "collaborators": [], "labelingMethod": "single_label", "metadata": {},
        "isEnterpriseProject": False, "whitelabelId": None, "tier": "free", "hasPublicVersion": False, "isPublic": False,
        "allowsLivePublicAccess": False, "indPauseProcessingSamples": False, "publicProjectListed": False,
    }  # fmt: skip


def _project_info(project: Project) -> dict[str, Any]:
    labels = sorted({sample.label for sample in project.samples})
    data = {"totalLengthMs": 0, "labels": labels, "totalLabels": len(labels), "dataCount": len(project.samples)}
    latency = dict.fromkeys(("int8Latency", "int8ConvLatency", "float32Latency", "float32ConvLatency"), 1.0)
    devices = [{"mcu": it, "name": it, "selected": False, "helpText": "", **latency} for it in DEVICES]
    flags = (
        "showCreateFirstImpulse",
        "hasNewTrainingData",
        "inPretrainedModelFlow",
        "showSensorDataInAcquisitionGraph",
    )
    lists = (
        "devices", "collaborators", "experiments", "notifications", "trainJobNotificationUids", "dspJobNotificationUids",
        "modelTestingJobNotificationUids", "exportJobNotificationUids",
    )  # fmt: skip
    return {
        **dict.fromkeys(flags, False),
        **{name: [] for name in lists},
        "project": _project(project),
        "latencyDevices": devices,
        "developmentKeys": {},
        "impulse": {"created": False, "configured": False, "complete": False},
        "dataSummary": data,
        "dataSummaryPerCategory": {"training": data, "testing": data, "validation": data, "postProcessing": data},
        "computeTime": {"periodStartDate": START, "periodEndDate": START, "timeUsedMs": 0, "timeLeftMs": 0},
        "acquisitionSettings": {
            "intervalMs": 0, "lengthMs": 0, "segmentShift": False, "defaultPageSize": 10, "viewType": "list",
            "gridColumnCount": 1, "gridColumnCountDetailed": 1, "showExactSampleLength": False, "inlineEditBoundingBoxes": False,
        },
        "deploySettings": {
            "eonCompiler": False, "sensor": "camera", "arduinoLibraryName": "", "tinkergenLibraryName": "",
            "particleLibraryName": "",
        },
        "urls": {},
        "showGettingStartedWizard": {"showWizard": False, "step": 0},
        "performance": {
            "gpu": False, "jobLimitM": 20, "dspFileSizeMb": 4096, "enterprisePerformance": False, "trainJobRamMb": 4096,
        },
        "studioUrl": "",
    }  # fmt: skip


def _target(name: str, form: str) -> dict[str, Any]:
    engines = (
        "EonCompiler", "TensorRT", "TensaiFlow", "DRPAI", "TIDL", "Akida", "Memryx", "StAton", "CevaNpn", "NordicAxon", "Qaic",
    )  # fmt: skip
    variants = [{"variant": variant, "supported": True} for variant in ("int8", "float32")]
    return {
        "name": name, "description": "from the fake Studio", "image": "", "imageClasses": "", "format": form,
        **{f"has{engine}": False for engine in engines},
        "hideOptimizations": False, "uiSection": "library", "supportedEngines": ["tflite"], "preferredEngine": "tflite",
        "docsUrl": "", "modelVariants": variants, "parameters": [],
    }  # fmt: skip
