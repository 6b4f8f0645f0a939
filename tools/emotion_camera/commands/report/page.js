// Draws the report's charts from the figures in #data, gives each emotion its look, and switches the theme.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const darkSystem = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const font = getComputedStyle(root).fontFamily;
  const nameOf = (index) => (index < 0 ? null : data.labels[index]);
  const look = (name) => Emotions.look(name, data.labels);

  function clock(ms) {
    const seconds = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
  }

  const duration = (ms) => (ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : ms < 60000 ? `${Math.round(ms / 1000)} s` : clock(ms));

  // Plain elements ----------------------------------------------------------------------------------------------------

  function dress(element) {
    const name = element.dataset.emotion || null;
    const { colour: fill, ink, letter, pattern } = look(name);
    if (name === null) element.classList.add("uncertain");
    else {
      element.style.backgroundColor = fill;
      element.style.color = ink;
    }
    if (element.classList.contains("bar")) {
      element.style.width = `${100 * element.dataset.share}%`;
      element.classList.add(`pattern-${pattern}`);
      element.classList.toggle("on-dark", ink === "#ffffff");
    } else element.textContent = letter;
  }

  function warm(cell) {
    cell.style.setProperty("--heat", 0.15 + 0.85 * cell.dataset.heat);
    cell.classList.toggle("strong", cell.dataset.heat > 0.5);
  }

  document.querySelectorAll("[data-emotion]").forEach(dress);
  document.querySelectorAll("[data-heat]").forEach(warm);

  // Charts ------------------------------------------------------------------------------------------------------------

  const ROW = 58, BAR = 36; // pixels of a row, and of the bar in it
  const DROP = (ROW - BAR) / 2 - 2; // by which the bar lies lower, for the face's number above it

  function timeAxis() {
    return {
      type: "time", min: 0, max: Math.max(data.length, 1), minInterval: 1000,
      axisLabel: { formatter: clock, color: colour("soft"), fontSize: 12, hideOverlap: true, showMaxLabel: false, alignMinLabel: "left" },
      axisLine: { lineStyle: { color: colour("line") } }, splitNumber: innerWidth < 600 ? 4 : 8,
      splitLine: { show: true, lineStyle: { color: colour("line") } },
    };
  }

  function tooltip(formatter, more = {}) {
    return {
      renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("line"),
      textStyle: { color: colour("text"), fontSize: 13 }, formatter, ...more,
    };
  }

  /** A slice: over its whole height a tint, and as high as its score the emotion's colour and pattern. */
  function drawSlice(params, api) {
    const [face, from, to, emotion, score] = data.slices[params.dataIndex], row = data.lanes[face];
    const [left, middle] = api.coord([from, row]), [right] = api.coord([to, row]);
    const height = BAR, top = middle - height / 2 + DROP, name = nameOf(emotion), { colour: fill } = look(name);
    const x = Math.round(left), width = Math.max(Math.round(right) - x, 1), tall = Math.max(height * score, 2);
    const box = (y, h) => ({ x, y, width, height: h });
    const children = name === null
      ? [{ type: "rect", shape: box(top + height - tall, tall), style: { fill: colour("sunk"), decal: unsureDecal() } }]
      : [
          { type: "rect", shape: box(top, height), style: { fill, opacity: 0.22 } },
          { type: "rect", shape: box(top + height - tall, tall), style: { fill, decal: Emotions.decal(name, data.labels) } },
        ];
    return { type: "group", children };
  }

  const unsureDecal = () => ({ symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 4], rotation: -Math.PI / 4, color: colour("soft") });

  /** Where each emotion, or the reason for none, begins and ends: face, from, to, emotion, reason. */
  const runs = data.slices.reduce((all, [face, from, to, emotion, , why]) => {
    const last = all[all.length - 1];
    if (last && last[0] === face && last[2] === from && last[3] === emotion && last[4] === why) last[2] = to;
    else all.push([face, from, to, emotion, why]);
    return all;
  }, []);

  /** Where each face begins, and where the next one in its row does: face, from, to. */
  const spans = [];
  const latest = {}; // of each row
  data.slices.forEach(([face, from]) => {
    if (spans[face]) return;
    spans[face] = [face, from, data.length];
    const before = latest[data.lanes[face]];
    if (before) before[2] = from;
    latest[data.lanes[face]] = spans[face];
  });

  /** A face's number over its bar, where there is room for it. */
  function drawName(params, api) {
    const [face, from, to] = spans[params.dataIndex], row = data.lanes[face], number = data.faces[face];
    const [left, middle] = api.coord([from, row]), [right] = api.coord([to, row]);
    const text = [`Face ${number}`, number].find((text) => 7.5 * text.length < right - left);
    if (!text) return null;
    return { type: "text", silent: true, style: { text, x: left + 1, y: middle - BAR / 2 + DROP - 3, verticalAlign: "bottom", fill: colour("soft"), fontSize: 12, fontFamily: font } };
  }

  /** An emotion's letter, where there is room for it. */
  function drawLetter(params, api) {
    const [face, from, to, emotion] = runs[params.dataIndex], row = data.lanes[face], name = nameOf(emotion), { colour: fill, ink, letter } = look(name);
    const [left, y] = api.coord([from, row]), [right] = api.coord([to, row]), middle = y + DROP;
    if (right - left < 20) return null;
    const paper = name === null ? colour("card") : fill;
    return {
      type: "group", silent: true,
      children: [
        { type: "rect", shape: { x: left + 4, y: middle - 8, width: 16, height: 16, r: 4 }, style: { fill: paper, stroke: colour("outline") } },
        { type: "text", style: { text: letter, x: left + 12, y: middle, align: "center", verticalAlign: "middle", fontWeight: 700, fontSize: 11, fontFamily: font, fill: name === null ? colour("text") : ink } },
      ],
    };
  }

  function drawGap(params, api) {
    const [from, to] = data.gaps[params.dataIndex], { y, height } = params.coordSys;
    const [left] = api.coord([from, 0]), [right] = api.coord([to, 0]);
    const shape = { x: left, y, width: Math.max(right - left, 2), height };
    return { type: "rect", shape, style: { fill: colour("sunk"), decal: unsureDecal(), opacity: 0.7 } };
  }

  function drawMark(params, api) {
    const [time, event] = data.marks[params.dataIndex], { y, height } = params.coordSys, [x] = api.coord([time, 0]);
    const fill = colour(event === "error" ? "bad" : "good");
    return {
      type: "group",
      children: [
        { type: "line", shape: { x1: x, y1: y, x2: x, y2: y + height }, style: { stroke: fill, lineWidth: 1.5, lineDash: [4, 3] } },
        { type: "text", style: { text: event === "error" ? "▲" : "●", x, y, align: "center", verticalAlign: "bottom", fill, fontSize: 12 } },
      ],
    };
  }

  function aboutSlice({ seriesId, dataIndex }) {
    if (seriesId === "gaps") return `connection gone\n${duration(data.gaps[dataIndex][1] - data.gaps[dataIndex][0])}`;
    if (seriesId === "marks") return `${data.marks[dataIndex][1]}\n${clock(data.marks[dataIndex][0])}`;
    const [face, at, , emotion, score, why] = data.slices[dataIndex];
    const [, from, to] = runs.find((run) => run[0] === face && run[1] <= at && at < run[2]);
    return `Face ${data.faces[face]}: ${nameOf(emotion) ?? why ?? "uncertain"}, ${clock(from)} to ${clock(to)}\nscore ${score.toFixed(2)} at ${clock(at)}`;
  }

  const inLane = ([face, from, to]) => [data.lanes[face], from, to];
  const series = (id, values, renderItem, z) => ({
    id, type: "custom", renderItem, z, clip: true,
    data: values, encode: { x: [1, 2], y: 0 },
  });

  function timeline() {
    const long = data.length > 60000;
    return {
      grid: { left: 8, right: 16, top: 18, bottom: long ? 48 : 8, containLabel: true },
      xAxis: timeAxis(),
      yAxis: {
        type: "category", inverse: true, data: [...new Set(data.lanes)].map(String),
        axisTick: { show: false }, axisLine: { show: false }, axisLabel: { show: false },
      },
      tooltip: tooltip(aboutSlice),
      dataZoom: long ? [{ type: "slider", filterMode: "weakFilter", height: 22, bottom: 8, labelFormatter: clock, borderColor: colour("line"), textStyle: { color: colour("soft") } }] : [],
      series: [
        series("gaps", data.gaps.map(([from, to]) => [0, from, to]), drawGap, 1),
        series("slices", data.slices.map(inLane), drawSlice, 2),
        series("letters", runs.map(inLane), drawLetter, 3),
        series("names", spans.map(inLane), drawName, 3),
        series("marks", data.marks.map(([time]) => [0, time, time]), drawMark, 4),
      ],
    };
  }

  /** The points, with a hole where no face was in view. */
  function holed(points) {
    const step = data.length / 360, out = [];
    points.forEach((point, i) => {
      if (i && point[0] - points[i - 1][0] > 1.5 * step) out.push([(point[0] + points[i - 1][0]) / 2, null, null, null]);
      out.push(point);
    });
    return out;
  }

  function aboutScore(point) {
    const found = point && data.scores.find(([time]) => time === point.value[0]);
    return found ? `${clock(found[0])}\nmean ${found[1].toFixed(2)}, ${found[2].toFixed(2)} to ${found[3].toFixed(2)}` : "";
  }

  const line = (values, more) => ({ type: "line", symbol: "none", data: values, silent: true, ...more });

  function scores() {
    const points = holed(data.scores), accent = colour("accent");
    const alone = data.scores.length < 3;
    return {
      grid: { left: 4, right: 16, top: 12, bottom: 4, containLabel: true },
      xAxis: timeAxis(),
      yAxis: scoreAxis(),
      tooltip: tooltip(([point]) => aboutScore(point), { trigger: "axis" }),
      series: [
        line(points.map(([t, mean]) => [t, mean]), { z: 3, lineStyle: { color: accent, width: 2 }, itemStyle: { color: accent }, symbol: alone ? "circle" : "none", symbolSize: 8 }),
        line(points.map(([t, , least]) => [t, least]), { stack: "band", lineStyle: { opacity: 0 } }),
        line(points.map(([t, , least, most]) => [t, least === null ? null : most - least]), { stack: "band", lineStyle: { opacity: 0 }, areaStyle: { color: accent, opacity: 0.2 } }),
      ],
    };
  }

  const scoreAxis = (more = {}) => ({
    type: "value", min: 0, max: 1, interval: 0.25, axisLabel: { color: colour("soft") }, splitLine: { lineStyle: { color: colour("line") } }, ...more,
  });

  function aboutAffect(point) {
    const found = point && data.affect.find(([time]) => time === point.value[0]);
    return found ? `${clock(found[0])}\nvalence ${found[1].toFixed(2)}, arousal ${found[2].toFixed(2)}` : "";
  }

  function affect() {
    const points = holed(data.affect), alone = data.affect.length < 3;
    const drawn = (place, stroke, type) => line(points.map((point) => [point[0], point[place]]), {
      lineStyle: { color: stroke, width: 2, type }, itemStyle: { color: stroke }, symbol: alone ? "circle" : "none", symbolSize: 8,
    });
    return {
      grid: { left: 4, right: 16, top: 12, bottom: 4, containLabel: true },
      xAxis: { ...timeAxis(), axisLine: { onZero: false, lineStyle: { color: colour("line") } } },
      yAxis: scoreAxis({ min: -1, interval: 0.5 }),
      tooltip: tooltip(([point]) => aboutAffect(point), { trigger: "axis" }),
      series: [drawn(1, colour("accent"), "solid"), drawn(2, colour("text"), "dashed")],
    };
  }

  function bins() {
    const total = Math.max(data.bins.reduce((sum, ms) => sum + ms, 0), 1);
    return {
      grid: { left: 4, right: 16, top: 12, bottom: 4, containLabel: true },
      xAxis: {
        type: "category", data: data.bins.map((_, i) => (i / 10).toFixed(1)), axisTick: { show: false },
        axisLabel: { color: colour("soft") }, axisLine: { lineStyle: { color: colour("line") } },
      },
      yAxis: { type: "value", axisLabel: { formatter: "{value} %", color: colour("soft") }, splitNumber: 3, splitLine: { lineStyle: { color: colour("line") } } },
      tooltip: tooltip(({ dataIndex, value }) => `score ${(dataIndex / 10).toFixed(1)} to ${((dataIndex + 1) / 10).toFixed(1)}\n${duration(data.bins[dataIndex])}, ${value.toFixed(0)} %`),
      series: [{ type: "bar", data: data.bins.map((ms) => (100 * ms) / total), barCategoryGap: "12%", itemStyle: { color: colour("accent"), borderRadius: [4, 4, 0, 0] } }],
    };
  }

  const charts = [];

  function open(id, options, height) {
    const element = document.getElementById(id);
    if (!element) return;
    if (height) element.style.height = `${height}px`;
    charts.push([echarts.init(element, null, { renderer: "svg" }), options]);
  }

  function draw() {
    for (const [chart, options] of charts) chart.setOption({ animation: false, useUTC: true, textStyle: { fontFamily: font }, ...options() }, true);
  }

  open("timeline", timeline, new Set(data.lanes).size * ROW + 44 + (data.length > 60000 ? 40 : 0));
  open("scores", scores);
  open("bins", bins);
  open("affect", affect);
  draw();
  addEventListener("resize", () => charts.forEach(([chart]) => chart.resize()));

  // Light and dark ----------------------------------------------------------------------------------------------------

  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : darkSystem.matches);
  const name = () => (button.textContent = isDark() ? "Light" : "Dark");

  function change(theme) {
    if (theme) root.dataset.theme = theme;
    name();
    draw();
  }

  button.hidden = false;
  name();
  button.addEventListener("click", () => change(isDark() ? "light" : "dark"));
  darkSystem.addEventListener("change", () => change());

  // On paper ----------------------------------------------------------------------------------------------------------

  const PAPER = { timeline: [672, "auto"], scores: [322, 150], bins: [322, 150], affect: [672, 120] }; // width and height, of A4 in page.css

  function paper(theme, printing) {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const [chart] of charts) {
      const [width, height] = printing ? PAPER[chart.getDom().id] : ["auto", "auto"];
      chart.resize({ width, height });
    }
    change();
    for (const [chart] of charts) chart.getZr().flush(); // before the page is printed
  }

  let shown;
  addEventListener("beforeprint", () => {
    shown = root.dataset.theme;
    paper("light", true);
  });
  addEventListener("afterprint", () => paper(shown, false));
})();
