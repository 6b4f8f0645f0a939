"""One folder of labelled faces: `reader` finds and reads its pictures, `folder` writes them, `manifest` has the notes on each.

faces/happy/0001.png    a folder for each label; or faces/training/happy/... and faces/testing/happy/...
faces/manifest.jsonl    optional: a line of JSON for each picture, see `manifest`
"""
