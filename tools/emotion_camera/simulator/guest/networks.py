# mypy: ignore-errors
"""`ml` (v4.7 and later) and `tf` (before) as the program sees them: the network runs on the host, its memory is here."""

import gc


class ndarray:
    """As much of ulab's ndarray as a network's output needs: float values with a shape."""

    def __init__(self, values: list, shape: tuple) -> None:
        self._values = values
        self.shape = shape
        self.size = len(values)

    def flatten(self) -> "ndarray":
        return ndarray(self._values, (self.size,))

    def reshape(self, shape: tuple) -> "ndarray":
        return ndarray(self._values, shape)

    def tolist(self) -> list:
        return list(self._values) if len(self.shape) == 1 else [row.tolist() for row in self]

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> object:
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, index: object) -> object:
        if isinstance(index, tuple):
            return self[index[0]][index[1:]] if len(index) > 1 else self[index[0]]
        if isinstance(index, slice):
            if len(self.shape) > 1:
                raise NotImplementedError("the simulator's arrays slice only in one dimension")
            return ndarray(self._values[index], (len(self._values[index]),))
        if not -self.shape[0] <= index < self.shape[0]:
            raise IndexError("index is out of bounds")
        if len(self.shape) == 1:
            return self._values[index]
        size = self.size // self.shape[0]
        start = (index % self.shape[0]) * size
        return ndarray(self._values[start : start + size], self.shape[1:])

    def __repr__(self) -> str:
        return "array(%s, dtype=float32)" % self.tolist()


class Normalization:
    """Crops and scales a picture into the network's input; keeps the first region of interest it sees."""

    def __init__(
        self,
        scale: tuple = (0.0, 1.0),
        mean: tuple = (0.0, 0.0, 0.0),
        stdev: tuple = (1.0, 1.0, 1.0),
        roi: object = None,
    ) -> None:
        self.roi = roi
        self._settings = (scale, mean, stdev)
        self._image = None

    def __call__(self, image: object) -> "Normalization":
        if not hasattr(image, "_shape"):
            raise ValueError("Expected an image input")
        if self.roi is None:
            self.roi = (0, 0, image.width(), image.height())
        prepared = Normalization(*self._settings, roi=self.roi)
        prepared._image = image
        return prepared


class Memory:
    """What a network takes of the camera's memory: its file, unless that is in /rom, and its arena."""

    def __init__(self, camera: object, path: str, load_to_fb: bool) -> None:
        with open(path, "rb") as file:  # OSError ENOENT where there is none
            size = file.seek(0, 2)
        self.path = camera.absolute(path)
        in_place = self.path.startswith("/rom/") or load_to_fb
        gc.collect()
        self.file = None if in_place else camera.take_file_memory(self.path, size)
        self.facts = camera.call("network.load", (self.path,))
        try:
            self.arena = bytearray(self.facts["arena"])
        except MemoryError:
            raise RuntimeError("Failed to allocate tensors")


def make_model_class(camera: object) -> type:
    class Model:
        def __init__(self, *args: object, **kwargs: object) -> None:
            given = camera.call("ml.Model", args, kwargs)
            self._memory = Memory(camera, given["path"], given.get("load_to_fb", False))
            self.postprocess = given.get("postprocess")
            for name, value in self._memory.facts["attributes"].items():
                setattr(self, name, camera.tuples(value))
            self.labels = _labels(given["path"])

        def __repr__(self) -> str:
            places = "model_size: %d, model_addr: 0x%x, ram_size: %d, ram_addr: 0x%x, " % (
                self.len,
                id(self),
                self.ram,
                id(self),
            )
            sides = [
                ", ".join(
                    "%s_%s: %s" % (side, name, getattr(self, side + "_" + name))
                    for name in ("shape", "scale", "zero_point", "dtype")
                )
                for side in ("input", "output")
            ]
            return "{ %s%s }" % (places, ", ".join(sides))

        def predict(self, args: list, *, callback: object = None) -> list:
            if not isinstance(args, (list, tuple)):
                expected = ". Expected a list" if camera.config["predict_says_list"] else ""
                raise ValueError("Unsupported input type" + expected)
            ready = [Normalization()(x) if hasattr(x, "_shape") else x for x in args[:1]]  # what is too much is ignored
            if not ready or not isinstance(ready[0], Normalization) or ready[0]._image is None:
                raise ValueError("Unsupported input type")
            image, settings = ready[0]._image, [ready[0].roi] + list(ready[0]._settings)
            values = camera.on_image("Model.predict", image, [self._memory.path, settings], {})
            outputs = [ndarray(flat, tuple(shape)) for flat, shape in zip(values, self.output_shape)]
            callback = callback or self.postprocess
            return callback(self, args, outputs) if callback else outputs

    return Model


def _labels(path: str) -> list | None:
    """The lines of the file whose name is the path, cut at its FIRST dot, and .txt."""
    try:
        with open(path.split(".")[0] + ".txt") as file:
            return [line.rstrip("\r\n") for line in file]
    except OSError:
        return None


def make_tf(module: type, camera: object) -> object:
    """The `tf` of v4.5.5 and before: networks with methods, and objects with methods as results."""

    class tf_model:
        def __init__(self, path: str, load_to_fb: bool) -> None:
            self._memory = Memory(camera, path, load_to_fb)
            for name, value in self._memory.facts["methods"].items():
                setattr(self, name, _constant(value))

        def classify(self, image: object, *args: object, **kwargs: object) -> list:
            return camera.on_image("tf_model.classify", image, [self._memory.path] + list(args), kwargs)

    t = module()
    t.__name__ = "tf"

    def load(*args: object, **kwargs: object) -> tf_model:
        given = camera.call("tf.load", args, kwargs)
        return tf_model(given["path"], given["load_to_fb"])

    def classify(network: object, image: object, *args: object, **kwargs: object) -> list:
        if isinstance(network, str):
            network = load(network)
        return network.classify(image, *args, **kwargs)

    t.load, t.classify = load, classify
    return t


def _constant(value: object) -> object:
    return lambda: value
