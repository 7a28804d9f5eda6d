"""The documentation site: `python scripts/site.py` builds it without internet."""

from importlib.metadata import version as installed

project = "tcellabm"
author = "tcellabm developers"
release = version = installed("tcellabm")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc", "myst_nb"]
source_suffix = {".md": "myst-nb"}
exclude_patterns = ["build", "_build"]

# Tutorials are run again at each build, in folders of their own; a cell that raises ends the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900  # the first cell compiles the kernels where they are not kept yet
nb_merge_streams = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # what links to headings leads somewhere, or is a warning

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # NumPy-style docstrings say types
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "tcellabm"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "navbar_center": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"**": ["globaltoc.html"]}
html_show_sourcelink = False
html_copy_source = False
copyright = "tcellabm developers, MIT license. Virtual patients; not for clinical use"
