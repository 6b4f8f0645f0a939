// The live page: shows frames, reports and status of the camera, and sends commands.
import { connect } from "./live.js";
import { badge, Faces } from "./faces.js";
import { Timeline } from "./timeline.js";

const NOTICE_MS = 6000;
const FACES_MS = 100; // between two drawings of the bars: nobody sees more
const TIMELINE_MS = 500;
const SPEAK_MS = 2500; // between two sentences for a screen reader
const SILENT_MS = 8000; // without a frame or a report, after which the page says so
const KNOWN = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

const at = (id) => document.getElementById(id);
const faces = new Faces(at("faces"), at("no-faces"));
const timeline = new Timeline(at("timeline"));
const screen = at("frame").getContext("2d");

let state = { about: {} };
let labels = KNOWN;
let delayMs = 0; // of a frame from the camera to this page, averaged
let lastFrame = 0, lastNews = Date.now(); // when something came, ms since 1970
let newest = null; // a report whose faces are not shown yet
let spoken = "", spokenAt = 0;
let noticeTimer = 0;

// What comes ------------------------------------------------------------------------------------------------------------

const receivers = {
  state(message) {
    state = message;
    lastNews = Date.now();
    labels = state.about.labels ?? labels;
    showState();
    showRate(state.fps);
  },
  history({ reports }) {
    timeline.clear();
    for (const report of reports) timeline.add(report.faces, report.at, patience(report));
  },
  faces(report) {
    lastNews = Date.now();
    if (report.faces[0][3].length !== labels.length) labels = report.faces[0][3].map((_, place) => labels[place] ?? `class ${place + 1}`);
    newest = report;
    timeline.add(report.faces, report.at, patience(report));
    if (!lastFrame) showRate(report.fps); // a camera whose picture does not come
  },
  rate({ fps }) {
    if (lastFrame) showRate(fps);
  },
  notice({ message, bad }) {
    notice(message, bad);
  },
};

function show(bitmap, sentMs) {
  const { canvas } = screen;
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.parentElement.style.aspectRatio = `${bitmap.width} / ${bitmap.height}`;
  }
  screen.drawImage(bitmap, 0, 0);
  const now = Date.now();
  delayMs = lastFrame ? 0.9 * delayMs + 0.1 * (now - sentMs) : now - sentMs;
  lastFrame = lastNews = now;
  canvas.dataset.delay = now - sentMs; // for who measures
  canvas.dataset.drawn = now;
  cover(state.lost);
}

function lose() {
  connection("lost", "program ended");
  cover("The program that serves this page has ended. Start it again with emotion-camera watch; the page reconnects by itself.");
  enable(false);
}

const camera = connect({ receive: (message) => receivers[message.type]?.(message), show, lose });

/** Without a report of a face for so long, ms, it is out of view: a second, or two and a half of a slow camera's frames. */
function patience({ fps }) {
  return Math.max(1000, 2500 / (fps || 1));
}

// What is shown ---------------------------------------------------------------------------------------------------------

function showState() {
  const { about, lost, recording } = state;
  at("name").textContent = state.name;
  connection(lost ? "lost" : "live", lost ? "lost" : "live");
  cover(lost ?? (lastFrame ? null : state.note ?? "Waiting for the first frame …"));
  at("board").textContent = about.board ?? "–";
  at("firmware").textContent = about.firmware ?? "–";
  at("model").textContent = about.model ?? "–";
  at("model").title = about.sha256 ? `sha256 ${about.sha256}` : "";
  at("memory").textContent = about.free === undefined ? "–" : bytes(about.free);
  at("record").ariaPressed = String(Boolean(recording));
  at("record-text").textContent = recording ? "Stop" : "Record";
  at("recording").hidden = !recording;
  at("recording-text").textContent = recording ? `recording to ${recording}` : "";
  enable(!lost && !state.mute);
  showLegend();
}

function enable(takesCommands) {
  for (const id of ["calibrate", "clear"]) {
    at(id).disabled = !takesCommands;
    at(id).title = takesCommands ? "" : state.lost ?? state.mute ?? "";
  }
}

function showLegend() {
  const items = labels.map((label) => {
    const item = document.createElement("li");
    item.append(badge(label, labels), label);
    return item;
  });
  at("legend").replaceChildren(...items);
}

function showRate(fps) {
  at("fps").textContent = fps ? fps.toFixed(1) : "–";
  at("delay").textContent = lastFrame && fps ? `${Math.max(0, Math.round(delayMs))} ms` : "–";
}

function bytes(count) {
  return count < 1e6 ? `${Math.round(count / 1000)} KB` : `${(count / 1e6).toFixed(1)} MB`;
}

function connection(is, words) {
  at("connection").dataset.is = is;
  at("connection").textContent = words;
}

function cover(words) {
  at("cover").hidden = !words;
  if (words && at("cover-text").textContent !== words) at("cover-text").textContent = words;
}

function notice(message, bad = false) {
  const element = at("notice");
  element.textContent = message;
  element.dataset.is = bad ? "bad" : "good";
  element.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (element.hidden = true), bad ? 2 * NOTICE_MS : NOTICE_MS);
}

/** Announces changes of the faces to screen readers. */
function speak(now) {
  const words = faces.words();
  if (words === spoken || now - spokenAt < SPEAK_MS) return;
  [spoken, spokenAt] = [words, now];
  at("spoken").textContent = words;
  at("frame").ariaLabel = `The camera's frame: ${words}`;
}

setInterval(() => {
  if (document.hidden) return;
  if (newest) faces.show(newest.faces, labels, Date.now(), patience(newest));
  newest = null;
  faces.tidy(Date.now());
}, FACES_MS);

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  timeline.draw(labels);
  speak(now);
  if (now - lastNews > SILENT_MS && !state.lost && state.name && !state.note)
    cover("No data from the camera. Is its program running? Reset the camera, or install the program: emotion-camera deploy");
}, TIMELINE_MS);

// What the person does --------------------------------------------------------------------------------------------------

const actions = {
  calibrate: () => camera.send({ do: "calibrate" }),
  clear: () => camera.send({ do: "clear" }),
  record: () => camera.send(state.recording ? { do: "stop" } : { do: "record", frames: at("with-frames").checked }),
  theme: () => setTheme(isDark() ? "light" : "dark"),
  help: () => at("help-dialog").showModal(),
};
const KEYS = { c: "calibrate", x: "clear", r: "record", t: "theme", "?": "help" };

for (const [id, act] of Object.entries(actions)) at(id).addEventListener("click", act);

addEventListener("keydown", (event) => {
  const id = KEYS[event.key.toLowerCase()];
  if (!id || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !at("shortcuts").checked) return;
  if (at("help-dialog").open || at(id).disabled) return;
  event.preventDefault();
  actions[id]();
});

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (darkSystem.matches ? "dark" : "light")) === "dark";

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  nameTheme();
}

function nameTheme() {
  at("theme-text").textContent = isDark() ? "Light" : "Dark";
}

if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");
darkSystem.addEventListener("change", nameTheme);
nameTheme();
