// The lab's canvas: one patient as on the class page, drawn again whenever the model has moved on.

function render({ model, el }) {
  document.documentElement.lang = "en";
  const root = h("div", { class: "twins single" });
  const arm = new Arm("a", (command) => { model.set("voxel", command.voxel); model.save_changes(); });
  root.append(arm.node);
  el.append(root);
  let begun = "";
  function show() {
    const about = model.get("about"), facts = model.get("facts");
    if (!about.kinds || !facts.cells) return;
    const key = JSON.stringify(about);
    if (key !== begun) {
      begun = key;
      arm.begin(about);
    }
    const frame = { day: facts.day, given: facts.given };
    arm.show(frame, facts, bytes(model.get("places")), `day ${facts.day.toFixed(0)}`);
    arm.marrow.draw(0, 0);
  }
  model.on("change:facts", show);
  const watch = new ResizeObserver(show);
  watch.observe(root);
  // what is known of a parameter is shown where it is set
  const hints = model.get("hints");
  function explain() {
    for (const label of document.querySelectorAll(".v-input label")) {
      const hint = hints[label.textContent.trim()], box = label.closest(".v-input");
      if (!hint || box.title === hint) continue;
      box.title = hint;
      box.querySelector("input")?.setAttribute("aria-description", hint);
    }
  }
  const follow = new MutationObserver(explain);
  follow.observe(document.body, { childList: true, subtree: true });
  explain();
  show();
  return () => { watch.disconnect(); follow.disconnect(); model.off("change:facts", show); };
}

export default { render };
