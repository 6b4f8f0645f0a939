// A card for each face in view: its name, and the emotions with the highest scores. A card never moves while its face is in view.

const SHOWN = 3; // emotions of a card
const LEAD = 0.03; // by which a score must pass another to change places with it
const MOST = 12; // cards: a camera shows 10 faces at most
const STAY_MS = 2500; // that a card stays after its face has left

const UNCERTAIN = "uncertain"; // of a camera that does not tell why

/** What is said of a face: its emotion, or why it can't be told. */
export const word = (emotion, why) => emotion ?? why ?? UNCERTAIN;

const percent = (score) => `${Math.round(100 * score)} %`;

const signed = (value) => (Math.round(100 * value) / 100 || 0).toFixed(2).replace("-", "−"); // not "−0.00"

/** A small square in an emotion's colour, with its letter. */
export function badge(label, labels) {
  const element = document.createElement("span");
  element.className = "badge";
  element.ariaHidden = "true";
  dressBadge(element, label, labels);
  return element;
}

function dressBadge(element, label, labels) {
  const { colour, ink, letter } = Emotions.look(label, labels);
  element.style.backgroundColor = colour;
  element.style.color = ink;
  element.textContent = letter;
}

function textElement(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

class FaceCard {
  constructor(id, labels) {
    this.labels = labels;
    this.said = undefined;
    this.order = [];
    this.element = textElement("article", "card face");
    this.element.ariaLabel = `Face ${id}`;
    this.number = textElement("p", "number soft figures", `Face ${id}`);
    this.badge = badge(null, labels);
    this.word = textElement("span", "word");
    this.title = document.createElement("h3");
    this.title.append(this.badge, this.word);
    this.turning = textElement("p", "turning soft");
    const says = textElement("div", "says");
    says.append(this.number, this.title, this.turning);
    const list = textElement("ol", "scores figures");
    this.rows = Array.from({ length: Math.min(SHOWN, labels.length) }, () => this.row(list));
    const affect = textElement("p", "affect soft figures");
    [this.valence, this.arousal] = [textElement("span", "valence"), textElement("span", "arousal")];
    affect.append(this.valence, this.arousal);
    const reads = textElement("div", "reads");
    reads.append(list, affect);
    this.element.append(says, reads);
  }

  row(list) {
    const element = document.createElement("li");
    const mark = badge(null, this.labels), name = textElement("span", "label"), value = textElement("span", "value");
    const track = textElement("span", "track"), fill = textElement("span", "fill");
    track.append(fill);
    element.append(mark, name, track, value);
    list.append(element);
    return { element, mark, name, fill, value, label: undefined };
  }

  /** `reason`: what is in the way of a face that can't be told and what to do; undefined where that is not known. */
  show({ emotion, scores, why, valence, arousal }, reason) {
    const rank = (place) => scores[place] + LEAD * (this.order.includes(place) ? SHOWN - this.order.indexOf(place) : 0);
    this.order = this.labels.map((_, place) => place).sort((a, b) => rank(b) - rank(a)).slice(0, SHOWN);
    this.rows.forEach((row, place) => this.dress(row, this.order[place], scores[this.order[place]], emotion));
    if (word(emotion, why) !== this.said) {
      this.said = word(emotion, why);
      dressBadge(this.badge, emotion, this.labels);
      this.word.textContent = this.said;
    }
    const leader = this.labels[scores.indexOf(Math.max(...scores))];
    this.turning.textContent = reason ? reason[1] : leader === emotion ? "" : `turning ${leader} …`;
    this.element.title = reason?.join(": ") ?? "";
    this.valence.textContent = valence === null ? "" : `valence ${signed(valence)}`;
    this.arousal.textContent = arousal === null ? "" : `arousal ${signed(arousal)}`;
  }

  dress(row, place, score, emotion) {
    const label = this.labels[place];
    if (row.label !== label) {
      row.label = label;
      const { colour, ink, pattern } = Emotions.look(label, this.labels);
      row.name.textContent = label;
      dressBadge(row.mark, label, this.labels);
      row.fill.className = `fill pattern-${pattern}`;
      row.fill.classList.toggle("on-dark", ink === "#ffffff");
      row.fill.style.backgroundColor = colour;
    }
    row.element.classList.toggle("said", label === emotion);
    row.fill.style.width = `${100 * score}%`;
    row.value.textContent = percent(score);
  }

  leave(away) {
    this.element.classList.toggle("away", away);
    if (away) this.turning.textContent = "out of view";
  }
}

export class Faces {
  /** `list` gets the cards, in its places; `empty` is shown when there are none. */
  constructor(list, empty) {
    this.list = list;
    this.empty = empty;
    this.reasons = {}; // by what the camera calls each: what is in the way, and what to do
    this.patienceMs = 0; // without a report of a face, after which it is out of view
    this.seen = new Map(); // by the face's number: its card and place, and when it was last reported
  }

  /** A report, as the server sends it. */
  show({ faces, every, patience }, labels, now) {
    this.patienceMs = patience;
    // The next report may be long in coming: who is not in this one has left.
    for (const seen of this.seen.values()) seen.at = Math.min(seen.at, now - every);
    for (const [id, emotion, , scores, , why, valence, arousal] of faces) {
      let seen = this.seen.get(id);
      if (!seen || seen.card.labels.length !== labels.length) seen = this.add(id, labels);
      seen.at = now;
      const all = labels.map((_, place) => scores[place] ?? 0);
      seen.card.show({ emotion, scores: all, why, valence, arousal }, this.reasons[why]);
    }
    this.tidy(now);
  }

  /** Takes the first free place, before that of a face that has left. */
  add(id, labels) {
    this.remove(id);
    if (this.seen.size >= MOST) this.remove([...this.seen].reduce((old, each) => (each[1].at < old[1].at ? each : old))[0]);
    const taken = [...this.seen.values()].map(({ place }) => place);
    let place = 1;
    while (taken.includes(place)) place += 1;
    const seen = { card: new FaceCard(id, labels), place };
    seen.card.element.style.gridRow = place;
    this.seen.set(id, seen);
    this.list.append(seen.card.element);
    return seen;
  }

  remove(id) {
    this.seen.get(id)?.card.element.remove();
    this.seen.delete(id);
  }

  clear() {
    for (const id of [...this.seen.keys()]) this.remove(id);
    this.tidy(0);
  }

  /** Dims the cards of faces that are out of view, and then takes them away. */
  tidy(now) {
    for (const [id, { card, at }] of this.seen) {
      card.leave(now - at > this.patienceMs);
      if (now - at > this.patienceMs + STAY_MS) this.remove(id);
    }
    this.empty.firstElementChild.hidden = this.seen.size > 0;
  }

  /** What is in view, in words. */
  words() {
    const present = [...this.seen].filter(([, { card }]) => !card.element.classList.contains("away"));
    const words = present.map(([id, { card }]) => `face ${id} ${card.said}`);
    return words.join(", ") || "no face";
  }
}
