// How an emotion looks on every page: a colour, a letter and a pattern, so that nobody needs to tell colours apart.
// Colours: Okabe and Ito, "Color Universal Design" (2008), which people with each kind of colour blindness can tell apart.
"use strict";

const Emotions = (() => {
  const DARK = "#101418", LIGHT = "#ffffff"; // letters on a colour: the one with more contrast
  const KNOWN = {
    angry: { colour: "#d55e00", ink: DARK, letter: "A", pattern: "slash" },
    disgust: { colour: "#009e73", ink: DARK, letter: "D", pattern: "dots" },
    fear: { colour: "#cc79a7", ink: DARK, letter: "F", pattern: "backslash" },
    happy: { colour: "#f0e442", ink: DARK, letter: "H", pattern: "plain" },
    sad: { colour: "#0072b2", ink: LIGHT, letter: "S", pattern: "horizontal" },
    surprise: { colour: "#56b4e9", ink: DARK, letter: "!", pattern: "checks" },
    neutral: { colour: "#9aa0a6", ink: DARK, letter: "N", pattern: "vertical" },
  };
  // Other names of the seven, as in emotion_camera/model/labels.py.
  const SYNONYMS = {
    angry: ["anger", "angered"],
    disgust: ["disgusted", "disgusting"],
    fear: ["fearful", "scared"],
    happy: ["happiness", "joy"],
    sad: ["sadness"],
    surprise: ["surprised", "surprising"],
    neutral: ["neutrality"],
  };
  const OTHERS = [
    { colour: "#e69f00", ink: DARK, pattern: "plain" },
    { colour: "#882255", ink: LIGHT, pattern: "slash" },
    { colour: "#44aa99", ink: DARK, pattern: "dots" },
    { colour: "#999933", ink: DARK, pattern: "backslash" },
    { colour: "#332288", ink: LIGHT, pattern: "horizontal" },
    { colour: "#ddcc77", ink: DARK, pattern: "checks" },
  ];
  const UNSURE = { colour: "transparent", ink: "inherit", letter: "?", pattern: "plain" };

  // The patterns as ECharts' decals; theme.css has the same for plain elements, by the class `pattern-NAME`.
  const STROKE = "rgba(16, 20, 24, 0.38)", LIGHT_STROKE = "rgba(255, 255, 255, 0.5)";
  const DECALS = {
    plain: null,
    slash: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 },
    backslash: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: Math.PI / 4 },
    horizontal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 6], rotation: 0 },
    vertical: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 7], rotation: Math.PI / 2 },
    dots: { symbol: "circle", symbolSize: 0.7, dashArrayX: [[6, 6], [0, 6, 6, 0]], dashArrayY: [6, 0] },
    checks: { symbol: "rect", dashArrayX: [[5, 5], [0, 5, 5, 0]], dashArrayY: [5, 0] },
  };

  /** The name in KNOWN that `label` means in any case, undefined for a class of one's own. */
  function emotionOf(label) {
    const name = label.trim().toLowerCase();
    return Object.keys(KNOWN).find((each) => each === name || SYNONYMS[each].includes(name));
  }

  /** The look of `label`, null for an uncertain face; `labels` are the model's, so that a class of one's own keeps its look. */
  function look(label, labels = []) {
    if (label === null || label === undefined) return UNSURE;
    const emotion = emotionOf(label);
    if (emotion) return KNOWN[emotion];
    const own = labels.filter((each) => !emotionOf(each));
    const place = Math.max(own.indexOf(label), 0) % OTHERS.length;
    return { ...OTHERS[place], letter: (label[0] || "?").toUpperCase() };
  }

  /** The pattern of `label` for ECharts: `itemStyle.decal`, or `style.decal` of a custom series. */
  function decal(label, labels = []) {
    const { pattern, ink } = look(label, labels);
    const shape = DECALS[pattern];
    return shape && { ...shape, color: ink === LIGHT ? LIGHT_STROKE : STROKE };
  }

  return { look, decal };
})();

if (typeof module !== "undefined") module.exports = Emotions; // for tests
