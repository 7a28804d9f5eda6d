"""The browser pages: `tcellabm app`.

`plan` says what a page shows, `twins` runs it, `frames` makes pictures of it, `feed` sends them
to one browser tab, whose `session` plays; `pages` and `lab` are what Solara serves. Nothing here
but `widget`, `pages`, `lab` and `server` knows of Solara.
"""
