// The live page: shows frames, reports and status of the camera, and sends commands.
import { connect } from "./live.js";
import { badge, Faces } from "./faces.js";
import { Marks } from "./marks.js";
import { Timeline } from "./timeline.js";

const NOTICE_MS = 6000;
const FACES_MS = 100; // between two drawings of the bars: nobody sees more
const TIMELINE_MS = 500;
const SPEAK_MS = 2500; // between two sentences for a screen reader
const SILENT_MS = 8000; // without a frame or a report, after which the page says so
const NEAR_FRAMES = 2; // a face is drawn on so many frames after its report: a camera's two channels may be one apart
const LATE_MS = 500; // that a report may be late by
const KEPT = 8; // reports, until their frames are drawn
const KNOWN = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
const WORDS = { waiting: "connecting", live: "live", paused: "paused", lost: "lost", stopped: "program ended", playing: "playback", ended: "end of the recording" };

const at = (id) => document.getElementById(id);
const faces = new Faces(at("faces"), at("no-faces"));
const marks = new Marks(at("marks"));
const timeline = new Timeline(at("timeline"));
const screen = at("frame").getContext("2d");

let state = { about: {} };
let labels = KNOWN;
let frozen = false; // the page of a live camera is paused
let stopped = false; // the program that serves the page has ended
let delayMs = 0; // of a frame from the camera to this page, averaged
let lastFrame = 0, lastNews = Date.now(); // when something came, ms since 1970
let clockMs = 0, clockAt = Date.now(); // the camera's clock, and when it was so
let reports = []; // the newest ones, whose faces belong on the next frames
let newest = null; // a report whose faces are not shown yet
let recordingSince = 0; // ms since 1970
let told = false; // whether the people in view know that they are recorded
let spoken = "", spokenAt = 0;
let noticeTimer = 0;

// What comes ------------------------------------------------------------------------------------------------------------

const receivers = {
  state(message) {
    const recorded = state.recording && !message.recording && message.recorded;
    if (recorded) showDone(message.recorded, Date.now() - recordingSince);
    state = message;
    lastNews = Date.now();
    stopped = false;
    labels = state.about.labels ?? labels;
    faces.reasons = state.reasons;
    if (state.recording) recordingSince = Date.now() - 1000 * state.recording.seconds;
    showState();
    receivers.pulse(message);
  },
  history({ reports: earlier }) {
    timeline.clear();
    faces.clear();
    for (const report of earlier) timeline.add(report);
    reports = earlier.slice(-KEPT);
    newest = reports.findLast((report) => clockMs - report.at < report.patience) ?? null;
  },
  faces(report) {
    lastNews = Date.now();
    if (report.faces[0][3].length !== labels.length) labels = report.faces[0][3].map((_, place) => labels[place] ?? `class ${place + 1}`);
    newest = report;
    reports = [...reports.slice(1 - KEPT), report];
    timeline.add(report);
    setClock(report.at);
  },
  pulse({ fps, at: now, position }) {
    at("fps").textContent = fps ? `${fps.toFixed(1)} per second` : "–";
    at("delay").textContent = lastFrame && fps ? `${Math.max(0, Math.round(delayMs))} ms` : "–";
    setClock(now);
    if (position !== null) showPosition(position);
  },
  notice({ message, bad }) {
    notice(message, bad);
  },
};

function show(bitmap, sentMs, number) {
  const now = Date.now();
  lastNews = now;
  if (frozen) return;
  const { canvas } = screen;
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  screen.drawImage(bitmap, 0, 0);
  marks.show(state.bare ? facesOf(number) : [], labels, bitmap);
  delayMs = lastFrame ? 0.9 * delayMs + 0.1 * (now - sentMs) : now - sentMs;
  lastFrame = now;
  canvas.dataset.delay = now - sentMs; // for who measures
  canvas.dataset.drawn = now;
  cover(state.lost);
}

/** The faces to draw on a frame: of its report, or of one shortly before; of a camera that reports seldom until the next is due. */
function facesOf(number) {
  const report = reports.findLast(({ frame }) => frame <= number);
  const stands = report && (number - report.frame < NEAR_FRAMES || (report.every && cameraNow() - report.at < report.every + LATE_MS));
  return stands ? report.faces : [];
}

function lose() {
  stopped = true;
  showState();
}

const camera = connect({ receive: (message) => receivers[message.type]?.(message), show, lose });

function setClock(ms) {
  [clockMs, clockAt] = [ms, Date.now()];
}

/** The time on the camera's clock, ms. */
function cameraNow() {
  return clockMs + (isRunning() ? Math.min(Date.now() - clockAt, 1500) : 0);
}

// What is shown ---------------------------------------------------------------------------------------------------------

function condition() {
  const { playback } = state;
  if (stopped) return "stopped";
  if (!state.name) return "waiting";
  if (playback?.ended) return "ended";
  if (frozen || playback?.paused) return "paused";
  if (state.lost) return "lost";
  return playback ? "playing" : "live";
}

const isRunning = () => ["live", "playing"].includes(condition());

function showState() {
  const { about, lost, recording, playback } = state, is = condition();
  document.body.dataset.is = is;
  document.body.classList.toggle("playback", Boolean(playback));
  at("connection").textContent = WORDS[is];
  at("name").textContent = state.name ?? "";
  at("wrong").hidden = !state.wrong || is === "stopped";
  at("wrong").textContent = state.wrong ? `The camera says: ${state.wrong}` : "";
  at("tag").hidden = !["paused", "ended", "playing"].includes(is);
  at("tag").textContent = { paused: "Paused", ended: "The end", playing: "Playback" }[is] ?? "";
  at("board").textContent = state.board ?? "–";
  at("firmware").textContent = about.firmware ?? "–";
  at("model").textContent = about.model ?? "–";
  at("model").title = about.sha256 ? `sha256 ${about.sha256}` : "";
  at("memory").textContent = about.free === undefined ? "–" : bytes(about.free);
  at("player").hidden = at("played-report").hidden = !playback;
  for (const id of ["record", "pause", "calibrate"]) at(id).hidden = Boolean(playback);
  at("record").ariaPressed = String(Boolean(recording));
  at("record-text").textContent = recording ? "Stop" : "Record";
  at("timer").hidden = !recording;
  at("pause").ariaPressed = String(frozen);
  at("pause-text").textContent = frozen ? "Go on" : "Pause";
  at("play-text").textContent = playback?.ended ? "Play again" : playback?.paused ? "Play" : "Pause";
  showTimer();
  showEnabled(is);
  showLegend();
  if (is === "stopped") cover("The program that serves this page has ended. Start it again: emotion-camera watch");
  else if (!frozen) cover(lost ?? (lastFrame || playback ? null : state.note ?? "Waiting for the first frame …"));
}

function showEnabled(is) {
  at("record").disabled = at("pause").disabled = is === "stopped" || is === "waiting";
  for (const id of ["calibrate", "clear"]) {
    const why = is === "stopped" ? WORDS.stopped : state.lost ?? state.mute;
    at(id).disabled = Boolean(why);
    at(id).title = why ?? "";
  }
}

function showLegend() {
  if (at("legend").textContent === labels.map((label) => Emotions.look(label, labels).letter + label).join("")) return;
  const items = labels.map((label) => {
    const item = document.createElement("li");
    item.append(badge(label, labels), label);
    return item;
  });
  at("legend").replaceChildren(...items);
}

function showTimer() {
  at("timer").textContent = clock(Date.now() - recordingSince);
}

function showPosition(position) {
  const { length } = state.playback;
  at("time").textContent = `${clock(position)} / ${clock(length)}`;
  at("position").max = length;
  at("position").ariaValueText = `${clock(position)} of ${clock(length)}`;
  if (!at("position").matches(":active")) at("position").value = position;
}

function showDone(folder, ms) {
  at("done-text").textContent = `Recorded ${clock(ms)} in ${folder}`;
  at("done").hidden = false;
}

/** 83000 ms as 1:23. */
function clock(ms) {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function bytes(count) {
  return count < 1e6 ? `${Math.round(count / 1000)} KB` : `${(count / 1e6).toFixed(1)} MB`;
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
  at("frame").ariaLabel = `The camera's picture: ${words}`;
}

setInterval(() => {
  if (document.hidden || frozen || stopped) return;
  if (newest) faces.show(newest, labels, Date.now());
  newest = null;
  if (isRunning()) faces.tidy(Date.now());
}, FACES_MS);

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  if (state.recording) showTimer();
  if (frozen) return;
  timeline.draw(labels, cameraNow());
  speak(now);
  if (condition() === "live" && now - lastNews > SILENT_MS && !state.note)
    cover("No data from the camera. Is its program running? Reset the camera, or install the program: emotion-camera deploy");
}, TIMELINE_MS);

// What the person does --------------------------------------------------------------------------------------------------

const actions = {
  record() {
    if (!state.recording && !told) return at("told-dialog").showModal();
    at("done").hidden = true;
    camera.send(state.recording ? { do: "stop" } : { do: "record", frames: at("with-frames").checked });
  },
  pause() {
    if (state.playback) return actions.play();
    frozen = !frozen;
    showState();
  },
  play() {
    const { paused, ended } = state.playback;
    camera.send(ended ? { do: "play", paused: false, position: 0 } : { do: "play", paused: !paused });
  },
  calibrate: () => camera.send({ do: "calibrate" }),
  clear: () => camera.send({ do: "clear" }),
  details: () => openDrawer(at("drawer").hidden),
  theme: () => setTheme(isDark() ? "light" : "dark"),
  help: () => at("help-dialog").showModal(),
};
const KEYS = { r: "record", p: "pause", c: "calibrate", x: "clear", d: "details", t: "theme", "?": "help" };

for (const [id, act] of Object.entries(actions)) at(id).addEventListener("click", act);
at("told-dialog").addEventListener("close", () => {
  told = at("told-dialog").returnValue === "told";
  if (told) actions.record();
});
at("close-drawer").addEventListener("click", () => openDrawer(false));
at("close-done").addEventListener("click", () => (at("done").hidden = true));
at("position").addEventListener("input", () => camera.send({ do: "play", paused: state.playback.paused, position: Number(at("position").value) }));

function openDrawer(open) {
  const inside = at("drawer").contains(document.activeElement);
  at("drawer").hidden = !open;
  at("details").ariaExpanded = String(open);
  if (open) at("close-drawer").focus();
  else if (inside) at("details").focus();
}

addEventListener("keydown", (event) => {
  const asked = document.querySelector("dialog[open]");
  if (event.key === "Escape" && !asked) return openDrawer(false);
  const id = KEYS[event.key.toLowerCase()];
  if (!id || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !at("shortcuts").checked) return;
  if (asked || at(id).disabled || (id === "record" && state.playback)) return;
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
showLegend();
