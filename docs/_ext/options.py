"""``.. method-options:: NAME`` and ``.. common-options::``: from the package's own records."""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives

from fastmomentum._check.options import OPTIONS
from fastmomentum._methods import METHODS


def _list(rows):
    """Option, default and meaning, one after the other: a table would not fit on a phone."""
    found = nodes.definition_list()
    for name, default, doc in rows:
        term = nodes.term("", "", nodes.literal(text=name))
        if default is not None:
            term += [nodes.Text(" (default "), nodes.literal(text=repr(default)), nodes.Text(")")]
        item = nodes.definition_list_item("", term, nodes.definition("", _paragraph(doc)))
        found += item
    return found


def _paragraph(text):
    """A paragraph, what stands between backticks as code."""
    paragraph = nodes.paragraph()
    for i, part in enumerate(text.replace("\n", " ").split("`")):
        paragraph += nodes.literal(text=part) if i % 2 else nodes.Text(part)
    return paragraph


class MethodOptions(Directive):
    """The parameters of one method; with `:notes:` what it says of its variants."""

    required_arguments = 1
    option_spec: ClassVar[dict] = {"notes": directives.flag}

    def run(self):
        """Make the nodes."""
        method = METHODS[self.arguments[0]]
        notes = []
        if "notes" in self.options:
            # Between the rule, which the page has as a formula, and the references.
            notes = [_paragraph(text) for text in method.notes.split("\n\n")[1:-1]]
        return [*notes, _list([(p.name, p.default, p.doc) for p in method.parameters])]


class CommonOptions(Directive):
    """The options of every method."""

    def run(self):
        """Make the nodes."""
        return [_list([(o.name, o.default, o.doc) for o in OPTIONS])]


def setup(app):
    """Register the directives."""
    app.add_directive("method-options", MethodOptions)
    app.add_directive("common-options", CommonOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
