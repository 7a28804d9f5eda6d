"""The browser pages: `tcellabm app`.

`plan` says what a page shows, `twins` runs it, `frames` makes pictures of it, `feed` sends them
to one browser tab, whose `session` plays; `pages` and `labpage` are what Solara serves, and nothing
here but they and `server` knows of Solara. `widget` has the canvas for a notebook.
"""
