// The page as a widget: messages over the server's socket.

function render({ model, el }) {
  const root = document.createElement("div");
  el.append(root);
  const stage = new Stage(root, (command) => model.send(command));
  const hear = (message, buffers) => stage.receive(message, buffers);
  model.on("msg:custom", hear);
  let shown = location.search.slice(1);
  stage.onQuery = (query) => {
    if (query === shown) return;
    shown = query;
    // browsers allow so many changes a second: the address follows a little behind
    clearTimeout(stage.address);
    stage.address = setTimeout(() => history.replaceState(null, "", `?${query}`), 250);
  };
  model.send({ do: "open", query: location.search });
  return () => {
    model.off("msg:custom", hear);
    stage.close();
    model.send({ do: "close" });
  };
}

export default { render };
