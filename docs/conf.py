"""Sphinx's configuration: ``sphinx-build -W --keep-going -b html docs build/docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from fastmomentum import __version__, jit  # noqa: E402

# autodoc knows functions, not Numba's dispatchers.
for name in jit.rules.__all__:
    setattr(jit.rules, name, getattr(jit.rules, name).py_func)

project = "fastmomentum"
author = "The fastmomentum developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "options",
]
templates_path = ["_templates"]
exclude_patterns = ["_ext", "gallery/*"]
default_role = "autolink"
nitpicky = False

autosummary_generate = True
# Names that no page lists by hand, for the templates.
autosummary_context = {"rules": jit.rules.__all__}
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"fastmomentum {version}"
html_static_path = ["_static"]
html_css_files = ["fastmomentum.css"]
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "fastmomentum"},
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "contributing": []}

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    # Those without "plot_" need a GPU or a cluster: they are shown, not run.
    "filename_pattern": r"/plot_",
    "within_subsection_order": "ExampleTitleSortKey",
    "abort_on_example_error": False,
    "remove_config_comments": True,
    "show_signature": False,
    "show_memory": False,
    "download_all_examples": False,
    "plot_gallery": True,
    "capture_repr": (),
}


def plain_bars(app, what, name, obj, options, lines):
    """Rules are plain text: |g| is no substitution."""
    if name.startswith("fastmomentum.jit.rules."):
        lines[:] = [line.replace("|", r"\|") for line in lines]


def setup(app):
    """Register what reads docstrings."""
    app.connect("autodoc-process-docstring", plain_bars)
