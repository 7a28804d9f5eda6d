// The class page: a stage fed by the server; the address follows what is shown.

import { LiveSource } from "./source.js";
import { Stage } from "./stage.js";

const FOLLOWS = 250; // milliseconds: browsers allow so many changes of the address a second

let shown = location.search.slice(1), later;
const socket = new URL("play", location.href);
socket.protocol = socket.protocol.replace("http", "ws");
socket.search = "";
const stage = new Stage(document.getElementById("stage"), new LiveSource(socket.href, () => shown));
stage.onQuery = (query) => {
  if (query === shown) return;
  shown = query;
  clearTimeout(later);
  later = setTimeout(() => history.replaceState(null, "", `?${query}`), FOLLOWS);
};
window.addEventListener("pagehide", () => stage.close());
