"""The configuration of Sphinx for the site; the extension generates most pages from the specification."""

from pathlib import Path

project = "LuaSocket, executed"
author = "the luasocket-conformance contributors"
copyright = author  # noqa: A001  Sphinx asks for this name
extensions = ["myst_parser", "luasocket_runners.site.extension"]
myst_enable_extensions = ["deflist", "colon_fence"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
smartquotes = False  # a quoted string of Lua keeps its quotes
html_theme = "furo"
html_title = "LuaSocket, executed"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["words.js"]  # of search.js
html_search_scorer = str(Path(__file__).with_name("search.js"))  # ranks the results of a search
html_show_sourcelink = False
html_copy_source = False
# Lua's and YAML's code has placeholders, such as `…`, that a highlighter may not know.
suppress_warnings = ["misc.highlighting_failure"]
