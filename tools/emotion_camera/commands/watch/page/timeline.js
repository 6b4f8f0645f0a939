// The last minute: a row for each face, bands in its emotions' colours, patterns and letters.
import { word } from "./faces.js";

const LENGTH_MS = 60000;
const MOST_ROWS = 4; // the newest faces
const MOST_SPANS = 3000; // ten faces whose emotions change five times a second
const LEAST_ROWS = 2;
const BAND = 24; // pixels of a band's height, or less when there are many rows
const LETTER_ROOM = 16; // pixels that a letter needs

export class Timeline {
  constructor(element) {
    this.spans = []; // {id, emotion, why, from, at, to}, ms on the camera's clock, in the order in which they began; `at`: last reported
    this.labels = [];
    this.now = 0;
    this.chart = echarts.init(element, null, { renderer: "canvas" });
    new ResizeObserver(() => this.chart.resize()).observe(element);
  }

  /** A report, as the server sends it: a face's band goes on until the next one, or ends when that does not come in time. */
  add({ faces, at, every, patience }) {
    for (const [id, emotion, , , , why] of faces) {
      const last = this.spans.findLast((span) => span.id === id);
      const goesOn = last && at - last.at < patience;
      if (goesOn) last.to = at;
      if (goesOn && last.emotion === emotion && last.why === why) [last.at, last.to] = [at, at + every];
      else this.spans.push({ id, emotion, why, from: at, at, to: at + every });
    }
    this.spans.splice(0, this.spans.length - MOST_SPANS);
  }

  clear() {
    this.spans = [];
  }

  draw(labels, now) {
    this.now = now;
    this.labels = labels;
    this.spans = this.spans.filter((span) => span.to > this.now - LENGTH_MS);
    const faces = [...new Set(this.spans.map((span) => span.id))].sort((a, b) => a - b).slice(-MOST_ROWS);
    this.chart.setOption(this.option(faces), { replaceMerge: ["series"] });
  }

  option(faces) {
    const style = getComputedStyle(document.documentElement);
    const [soft, line, text, card] = ["--soft", "--line", "--text", "--card"].map((name) => style.getPropertyValue(name));
    const rows = this.spans.filter((span) => faces.includes(span.id));
    const names = faces.map((id) => `face ${id}`);
    while (names.length < LEAST_ROWS) names.push("");
    return {
      animation: false,
      textStyle: { fontFamily: style.fontFamily },
      grid: { left: 52, right: 12, top: 6, bottom: 24 },
      tooltip: {
        renderMode: "richText", backgroundColor: card, borderColor: line, textStyle: { color: text, fontSize: 13, fontFamily: style.fontFamily },
        transitionDuration: 0, formatter: ({ dataIndex }) => this.words(rows[dataIndex]),
      },
      xAxis: {
        type: "value", min: -LENGTH_MS / 1000, max: 0, interval: 10,
        axisLabel: { color: soft, formatter: (second) => (second ? `${-second} s ago` : "now"), hideOverlap: true },
        axisLine: { show: false }, splitLine: { lineStyle: { color: line } },
      },
      yAxis: {
        type: "category", data: names, inverse: true,
        axisLabel: { color: text }, axisLine: { show: false }, axisTick: { show: false },
      },
      series: {
        type: "custom", clip: true,
        renderItem: (_, api) => this.band(rows[api.value(3)], api, text, line),
        data: rows.map((span, place) => [this.second(span.from), faces.indexOf(span.id), this.second(span.to), place]),
        encode: { x: [0, 2], y: 1 },
      },
    };
  }

  /** A band in words, for its tooltip. */
  words(span) {
    if (!span) return "";
    const [from, to] = [span.from, span.to].map((at) => (-this.second(at)).toFixed(1));
    const end = Number(to) < 1 ? "now" : `${to} s ago`;
    return `Face ${span.id}: ${word(span.emotion, span.why)}\n${(from - to).toFixed(1)} s, from ${from} s ago to ${end}`;
  }

  second(at) {
    return Math.min(0, at - this.now) / 1000;
  }

  band(span, api, text, line) {
    const [left, middle] = api.coord([Math.max(api.value(0), -LENGTH_MS / 1000), api.value(1)]);
    const width = Math.max(api.coord([api.value(2), 0])[0] - left, 2);
    const height = Math.min(BAND, api.size([0, 1])[1] - 4);
    const { colour, ink, letter } = Emotions.look(span.emotion, this.labels);
    const shape = { x: left, y: middle - height / 2, width, height, r: 3 };
    const decal = Emotions.decal(span.emotion, this.labels);
    const style = { fill: colour, stroke: line, lineWidth: 1 };
    const children = [{ type: "rect", shape, style: decal ? { ...style, decal } : style }];
    if (width >= LETTER_ROOM) children.push(...letterOn(letter, span.emotion ? ink : text, span.emotion ? colour : null, left + width / 2, middle));
    return { type: "group", children };
  }
}

/** A letter on a patch of its band's plain colour: a pattern behind it would make it hard to read. */
function letterOn(letter, fill, patch, x, y) {
  const label = { type: "text", style: { text: letter, fill, x, y, align: "center", verticalAlign: "middle", fontWeight: 700, fontSize: 12 } };
  const back = { type: "rect", shape: { x: x - 7, y: y - 8, width: 14, height: 16, r: 3 }, style: { fill: patch } };
  return patch ? [back, label] : [label];
}
