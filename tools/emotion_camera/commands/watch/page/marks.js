// Boxes, names and scores over the picture, at the screen's own resolution, in the emotions' colours.
import { word } from "./faces.js";

const PAD = 7, HEIGHT = 26, FONT = 14; // of a name, CSS pixels
const SMALL = 420; // CSS pixels: a narrower picture gets smaller names
const HALO = "rgba(8, 9, 11, 0.55)";

export class Marks {
  constructor(canvas) {
    this.pen = canvas.getContext("2d");
    this.faces = [];
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** The faces of a frame of `size`, as the server sends them. */
  show(faces, labels, size) {
    [this.faces, this.labels, this.size] = [faces, labels, size];
    this.draw();
  }

  draw() {
    const { canvas } = this.pen, fine = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const [w, h] = [Math.round(width * fine), Math.round(height * fine)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    this.pen.setTransform(fine, 0, 0, fine, 0, 0);
    this.pen.clearRect(0, 0, width, height);
    if (!this.faces.length) return;
    // A frame of another shape than the screen's stands in its middle.
    const zoom = Math.min(width / this.size.width, height / this.size.height);
    const [left, top] = [(width - zoom * this.size.width) / 2, (height - zoom * this.size.height) / 2];
    for (const [, emotion, score, , [x, y, side, tall], why] of this.faces) {
      const text = emotion === null ? word(emotion, why) : `${emotion} ${Math.round(100 * score)} %`;
      this.mark([left + zoom * x, top + zoom * y, zoom * side, zoom * tall], emotion, text, width);
    }
  }

  mark(box, emotion, text, width) {
    const { pen } = this, known = emotion !== null;
    const look = Emotions.look(emotion, this.labels);
    const colour = known ? look.colour : "#ffffff";
    for (const [style, line] of [[HALO, 6], [colour, 3]]) {
      pen.beginPath();
      pen.roundRect(...box, 10);
      pen.setLineDash(known ? [] : [9, 7]);
      [pen.strokeStyle, pen.lineWidth] = [style, line];
      pen.stroke();
    }
    pen.setLineDash([]);
    const scale = width < SMALL ? 0.85 : 1;
    pen.font = `650 ${FONT * scale}px ${getComputedStyle(document.documentElement).fontFamily}`;
    const long = pen.measureText(text).width + 2 * PAD, high = HEIGHT * scale;
    const x = Math.max(2, Math.min(box[0] - 1.5, width - long - 2));
    const y = box[1] - high - 5 < 2 ? box[1] + 5 : box[1] - high - 5;
    pen.beginPath();
    pen.roundRect(x, y, long, high, 7);
    [pen.strokeStyle, pen.lineWidth, pen.fillStyle] = [HALO, 2, colour];
    pen.stroke();
    pen.fill();
    [pen.fillStyle, pen.textBaseline] = [known ? look.ink : "#101418", "middle"];
    pen.fillText(text, x + PAD, y + high / 2 + 1);
  }
}
