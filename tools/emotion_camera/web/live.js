// The socket to the program that serves this page; it reconnects by itself. The other end is web/live.py.

const HEADER = 12; // bytes before a frame's JPEG: its number, and when it came in ms since 1970
const RETRY_MS = 1000;

/** Calls `receive(message)` for each message, `show(bitmap, sentMs, number)` for each frame, `lose()` when disconnected; gives `send`. */
export function connect({ receive, show, lose }) {
  let socket = null;

  async function draw(data) {
    const view = new DataView(data);
    const bitmap = await createImageBitmap(new Blob([data.slice(HEADER)], { type: "image/jpeg" }));
    show(bitmap, view.getFloat64(4, true), view.getUint32(0, true));
    bitmap.close();
    send({ drawn: view.getUint32(0, true) });
  }

  function send(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function open() {
    socket = new WebSocket(new URL("live", location.href.replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => (typeof data === "string" ? receive(JSON.parse(data)) : draw(data));
    socket.onclose = () => {
      lose();
      setTimeout(open, RETRY_MS);
    };
  }

  open();
  return { send };
}
