# Of the emotion camera: ends a change of its program that power or cable broke off. See tools/emotion_camera/commands/deploy/atomic_update.py.
import os


def switch() -> None:
    with open("switch.txt") as file:
        words = file.read().split()
    if not words or words[-1] != "end":  # it was never written to its end, and nothing was changed yet
        return
    folder, names = words[0], words[1:-1]
    buffer = bytearray(2048)
    for name in names:
        with open(folder + "/" + name, "rb") as source, open(name, "wb") as target:
            while True:
                count = source.readinto(buffer)
                if not count:
                    break
                target.write(memoryview(buffer)[:count])
    os.remove("switch.txt")
    if folder == "new":
        for name in names:
            os.remove("new/" + name)
        os.rmdir("new")


try:
    switch()
except OSError:
    pass  # no switch.txt: nothing is to be ended
except Exception as error:
    print("boot.py:", error)
