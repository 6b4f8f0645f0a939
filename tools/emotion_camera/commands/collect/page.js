// Shows the session that this computer serves, and sends what is clicked or typed.
import { connect } from "./live.js";

const at = (id) => document.getElementById(id);
const LOST = "Disconnected: is emotion-camera collect still running?";

const COPIED_MS = 2000;

let state, picture, step; // step: of "ask", "take" and "bye", the one that is shown

const tell = (what, value) => session.send({ do: what, value });

function receive(now) {
  if (now.type !== "state") return;
  state = now;
  at("camera").textContent = state.camera;
  at("folder").textContent = at("into").textContent = state.folder;
  showStep(state.agreed ? "take" : state.refused ? "bye" : "ask");
  at("person").textContent = state.person || "no name";
  at("said").textContent = state.said;
  at("said").classList.toggle("bad", !state.good);
  at("undo").disabled = !state.stored;
  trouble(state.trouble);
  if (at("labels").children.length !== state.labels.length) makeLabels();
  showCounts();
  showStrip();
  showFace();
}

/** Before somebody has agreed there are no labels to press; who has not agreed is not shown. */
function showStep(now) {
  if (step === now) return;
  step = now;
  for (const id of ["ask", "take", "bye"]) at(id).hidden = id !== step;
  for (const id of ["who", "stored", "train"]) at(id).hidden = step !== "take";
  at("view").hidden = step === "bye";
  if (step === "bye") {
    picture = null;
    at("frame").width = at("frame").width; // clears it
    at("h-bye").focus();
  } else if (step === "ask") {
    at("person-name").value = state.person || "";
    at("person-name").focus();
  }
}

function trouble(sentence) {
  at("trouble").textContent = sentence || "";
  at("trouble").hidden = !sentence;
}

function makeLabels() {
  at("labels").replaceChildren(...state.labels.map((label, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.onclick = () => tell("store", label);
    const look = Emotions.look(label, state.labels);
    const part = (name, text = "") => {
      const element = document.createElement("span");
      element.className = name;
      element.textContent = text;
      return element;
    };
    const key = document.createElement("kbd");
    key.className = "key";
    key.textContent = place + 1;
    key.style.visibility = place > 8 ? "hidden" : ""; // there is no such key
    const badge = part("badge", look.letter);
    const track = part("track");
    const bar = part(`bar pattern-${look.pattern}`);
    bar.style.backgroundColor = badge.style.backgroundColor = look.colour;
    badge.style.color = look.ink;
    badge.ariaHidden = track.ariaHidden = "true";
    track.append(bar);
    button.append(key, badge, part("name", label), track, part("count figures"));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

function showCounts() {
  const missing = state.labels.filter((label) => state.counts[label] < state.target);
  [...at("labels").children].forEach((item, place) => {
    const label = state.labels[place], count = state.counts[label], full = count >= state.target;
    item.classList.toggle("wanted", label === state.wanted && !full);
    item.classList.toggle("full", full);
    item.querySelector(".count").textContent = `${count} / ${state.target}`;
    item.querySelector(".bar").style.width = `${Math.min(100, (100 * count) / state.target)}%`;
  });
  at("ready").textContent = missing.length
    ? `Once each label has about ${state.target}, best of several people. To go: ${missing.length} of ${state.labels.length} labels.`
    : "Each label has enough. Stop this program with Ctrl-C, and type:";
  at("train").classList.toggle("now", !missing.length);
  at("command").textContent = state.train;
}

/** The pictures of this session, the newest first; those that are shown already stay. */
function showStrip() {
  const strip = at("strip"), shown = new Map([...strip.children].map((item) => [item.dataset.name, item]));
  at("number").textContent = state.stored || "";
  at("none").hidden = state.stored > 0;
  for (const [name, item] of shown) if (!state.strip.includes(name)) item.remove();
  state.strip.forEach((name, place) => {
    const item = shown.get(name) ?? thumbnail(name);
    if (strip.children[place] !== item) strip.insertBefore(item, strip.children[place] ?? null);
  });
}

let thumbnails = 0; // made so far: the name of a deleted picture may come again, with another picture

function thumbnail(name) {
  const label = name.split("/")[0], look = Emotions.look(label, state.labels);
  const item = document.createElement("li"), image = new Image(48, 48), button = document.createElement("button");
  const badge = document.createElement("span");
  item.dataset.name = name;
  image.src = `stored/${name.split("/").map(encodeURIComponent).join("/")}?${(thumbnails += 1)}`;
  image.alt = image.title = name;
  [badge.className, badge.textContent, badge.ariaHidden] = ["badge", look.letter, "true"];
  [badge.style.backgroundColor, badge.style.color] = [look.colour, look.ink];
  [button.type, button.textContent, button.ariaLabel, button.title] = ["button", "✕", `Delete ${name}`, "Delete"];
  button.onclick = () => {
    (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button").focus();
    tell("delete", name);
  };
  item.append(image, badge, button);
  return item;
}

function showFace() {
  const { face } = state;
  const untold = face?.why ? `The camera can't tell: ${face.why}.` : "The camera is uncertain.";
  const reads = face && (face.emotion ? `The camera reads ${face.emotion}, ${Math.round(100 * face.score)}\u00a0%.` : untold);
  at("reads").textContent = reads || (state.picture ? "No face is in view." : "No picture.");
  at("crop").src = state.crop || "data:,";
  draw();
}

/** The picture at the screen's resolution, and a box around the face that would be stored. */
function draw() {
  if (!picture) return;
  const canvas = at("frame"), pen = canvas.getContext("2d"), fine = devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * fine), height = Math.round(canvas.clientHeight * fine);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  // A frame of another shape than 4:3 stands in the middle.
  const zoom = Math.min(width / picture.width, height / picture.height);
  const [left, top] = [(width - zoom * picture.width) / 2, (height - zoom * picture.height) / 2];
  pen.fillRect(0, 0, width, height);
  pen.drawImage(picture, left, top, zoom * picture.width, zoom * picture.height);
  if (!state || !state.face) return;
  const [x, y, w, h] = state.face.box.map((side) => zoom * side);
  for (const [colour, line] of [["rgba(8, 9, 11, 0.55)", 6], ["#ffffff", 3]]) {
    pen.beginPath();
    pen.roundRect(left + x, top + y, w, h, 10 * fine);
    [pen.strokeStyle, pen.lineWidth] = [colour, line * fine];
    pen.stroke();
  }
}

at("agree").onsubmit = (event) => {
  event.preventDefault();
  tell("agree", at("person-name").value);
};
at("refuse").onclick = () => tell("refuse");
at("ask-next").onclick = () => tell("next");
at("copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(state.train);
    at("copy-text").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(at("command")); // for the person's own Ctrl-C
    at("copy-text").textContent = "Press Ctrl-C";
  }
  setTimeout(() => (at("copy-text").textContent = "Copy"), COPIED_MS);
};
at("undo").onclick = () => tell("undo");
at("next").onclick = () => tell("next");

document.addEventListener("keydown", (event) => {
  if (!state || !state.agreed || event.repeat || event.altKey || event.target.matches("input")) return;
  const number = Number(event.key);
  const takeBack = ["u", "U", "Backspace"].includes(event.key) || ((event.ctrlKey || event.metaKey) && event.key === "z");
  if (takeBack) {
    event.preventDefault();
    tell("undo");
  } else if (!event.ctrlKey && !event.metaKey && number >= 1 && number <= Math.min(9, state.labels.length)) {
    tell("store", state.labels[number - 1]);
  }
});

const session = connect({
  receive,
  show(bitmap) {
    if (step === "bye") return;
    if (!picture) picture = document.createElement("canvas");
    [picture.width, picture.height] = [bitmap.width, bitmap.height];
    picture.getContext("2d").drawImage(bitmap, 0, 0);
    draw();
  },
  lose: () => trouble(LOST),
});
