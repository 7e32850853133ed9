"""Formulas as MathML, by docutils' own converter: no script, and no network when a page is read."""

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def _convert(node, **how):
    try:
        return tex2mathml(node.astext(), **how)
    except MathError as error:
        logger.warning("%s In: %s", error, node.astext(), location=node)
        return ""


def _visit_inline(writer, node):
    writer.body.append(_convert(node))
    raise SkipNode


def _visit_display(writer, node):
    writer.body.append(f'<div class="formula">{_convert(node, as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
