// A card for each face in view: its emotion, and a bar for each score.

const MANY = 2; // from here on cards stand side by side

const percent = (score) => `${Math.round(100 * score)} %`;

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
    this.element = textElement("article", "card face");
    const header = document.createElement("header");
    this.title = document.createElement("h3");
    this.badge = badge(null, labels);
    this.word = textElement("span", "word");
    this.title.append(this.badge, this.word);
    header.append(textElement("p", "number soft figures", `Face ${id}`), this.title);
    const list = textElement("ul", "scores figures");
    this.bars = labels.map((label) => this.bar(label, list));
    this.element.append(header, list);
  }

  bar(label, list) {
    const { colour, ink, pattern } = Emotions.look(label, this.labels);
    const row = document.createElement("li");
    const name = textElement("span", "label");
    name.append(badge(label, this.labels), textElement("span", "", label));
    const track = textElement("span", "track");
    const fill = textElement("div", `fill pattern-${pattern}`);
    fill.classList.toggle("on-dark", ink === "#ffffff");
    fill.style.backgroundColor = colour;
    track.append(fill);
    const value = textElement("span", "value");
    row.append(name, track, value);
    list.append(row);
    return { label, row, fill, value };
  }

  show(emotion, score, scores) {
    if (emotion !== this.said) {
      this.said = emotion;
      dressBadge(this.badge, emotion, this.labels);
      this.word.textContent = emotion ?? "uncertain";
      this.bars.forEach(({ label, row }) => row.classList.toggle("said", label === emotion));
    }
    this.bars.forEach(({ fill, value }, place) => {
      fill.style.width = `${100 * (scores[place] ?? 0)}%`;
      value.textContent = percent(scores[place] ?? 0);
    });
  }
}

export class Faces {
  /** `list` gets the cards; `empty` is shown when there are none. */
  constructor(list, empty) {
    this.list = list;
    this.empty = empty;
    this.patienceMs = 0; // without a report of a face, after which it is out of view
    this.cards = new Map(); // by the face's number: its card, and when it was last reported
  }

  /** The faces of a frame, as the server sends them. */
  show(faces, labels, now, patienceMs) {
    this.patienceMs = patienceMs;
    for (const [id, emotion, score, scores] of faces) {
      let seen = this.cards.get(id);
      if (!seen || seen.card.labels.length !== labels.length) {
        seen?.card.element.remove();
        seen = { card: new FaceCard(id, labels) };
        this.cards.set(id, seen);
        seen.card.element.style.order = id;
        this.list.append(seen.card.element);
      }
      seen.at = now;
      seen.card.show(emotion, score, scores);
    }
    this.tidy(now);
  }

  /** Takes away the cards of faces that are out of view. */
  tidy(now) {
    for (const [id, { card, at }] of this.cards) {
      if (now - at > this.patienceMs) {
        card.element.remove();
        this.cards.delete(id);
      }
    }
    this.list.classList.toggle("many", this.cards.size >= MANY);
    this.empty.hidden = this.cards.size > 0;
  }

  /** What is in view, in words. */
  words() {
    const words = [...this.cards].map(([id, { card }]) => `face ${id} ${card.said ?? "uncertain"}`);
    return words.join(", ") || "no face";
  }
}
