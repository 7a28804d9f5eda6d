// Where what is shown comes from. A source has `listen(receive)`, which calls `receive(message, parts)`
// for every message; `tell(command)`, which it may heed or not; `keeps`, whether it can be acted on;
// and `close()`. The page knows nothing else of it.

const FIRST_WAIT = 500, LONGEST_WAIT = 5000; // milliseconds until it is tried again

// A model on the server, over a socket. A lost connection is opened again, and goes on from the address.
export class LiveSource {
  constructor(url, query) {
    Object.assign(this, { url, query, keeps: false, wait: FIRST_WAIT, told: new Map() });
  }

  listen(receive) {
    this.receive = receive;
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.send({ do: "open", query: this.query() });
      for (const command of this.told.values()) this.send(command);
    };
    this.socket.onmessage = ({ data }) => {
      const [message, parts] = unpack(data);
      if (message.kind === "frame") this.wait = FIRST_WAIT;
      this.receive(message, parts);
    };
    this.socket.onclose = () => this.lost();
  }

  lost() {
    if (this.closed) return;
    this.receive({ kind: "lost", text: "No connection to the server. Trying again\u2026" }, []);
    setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  tell(command) {
    // what holds on this page, whoever serves it
    if (command.do === "speed" || command.do === "stops") this.told.set(command.do, command);
    this.send(command);
  }

  send(command) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command));
  }

  close() {
    this.closed = true;
    this.socket.close();
  }
}

// A frame of the socket: the length of its head, the head as JSON, then the parts.
export function unpack(data) {
  const length = new DataView(data).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  const parts = message.parts.map((size) => {
    const part = new Uint8Array(data, at, size);
    at += size;
    return part;
  });
  return [message, parts];
}
