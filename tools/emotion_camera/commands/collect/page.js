// Shows the session that this computer serves, and sends what is clicked or typed.
import { connect } from "./live.js";

const at = (id) => document.getElementById(id);
const LOST = "Disconnected: is emotion-camera collect still running?";

let state, picture, agreed; // agreed: whether the page shows that somebody has

const tell = (what, value) => session.send({ do: what, value });

function receive(now) {
  if (now.type !== "state") return;
  state = now;
  at("camera").textContent = state.camera;
  at("folder").textContent = at("into").textContent = state.folder;
  if (agreed !== state.agreed) askOrTake();
  at("person").textContent = state.person || "no name";
  at("said").textContent = state.said;
  at("said").classList.toggle("bad", !state.good);
  at("undo").disabled = !state.stored;
  trouble(state.trouble);
  if (at("labels").children.length !== state.labels.length) makeLabels();
  showCounts();
  showFace();
}

/** Before somebody has agreed there are no labels to press. */
function askOrTake() {
  agreed = state.agreed;
  at("ask").hidden = agreed;
  at("take").hidden = at("who").hidden = !agreed;
  if (!agreed) {
    at("name").value = state.person || "";
    at("name").focus();
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
  const most = Math.max(1, ...Object.values(state.counts));
  [...at("labels").children].forEach((item, place) => {
    const label = state.labels[place];
    item.classList.toggle("wanted", label === state.wanted);
    item.querySelector(".count").textContent = state.counts[label];
    item.querySelector(".bar").style.width = `${(100 * state.counts[label]) / most}%`;
  });
}

function showFace() {
  const { face } = state;
  const reads = face && (face.emotion ? `The camera reads ${face.emotion}, ${Math.round(100 * face.score)}\u00a0%.` : "The camera is uncertain.");
  at("reads").textContent = reads || (state.picture ? "No face is in view." : "No picture.");
  at("crop").src = state.crop || "data:,";
  draw();
}

/** The picture, and a box around the face that would be stored. */
function draw() {
  if (!picture) return;
  const canvas = at("frame"), pen = canvas.getContext("2d"), fine = 2; // the box in half pixels of the camera
  if (canvas.width !== fine * picture.width) [canvas.width, canvas.height] = [fine * picture.width, fine * picture.height];
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  if (!state || !state.face) return;
  const box = state.face.box.map((side) => fine * side);
  pen.lineWidth = 5;
  pen.strokeStyle = "#101418";
  pen.strokeRect(...box);
  pen.lineWidth = 2.5;
  pen.strokeStyle = "#ffffff";
  pen.strokeRect(...box);
}

at("agree").onsubmit = (event) => {
  event.preventDefault();
  tell("agree", at("name").value);
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
    if (!picture) picture = document.createElement("canvas");
    [picture.width, picture.height] = [bitmap.width, bitmap.height];
    picture.getContext("2d").drawImage(bitmap, 0, 0);
    draw();
  },
  lose: () => trouble(LOST),
});
