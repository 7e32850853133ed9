"""``.. method-options:: NAME`` and ``.. common-options::``: tables from the package's own records."""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives

from fastmomentum._methods import METHODS
from fastmomentum._validation import OPTIONS


def _table(rows):
    """A table of option, default and meaning."""
    table = nodes.table(classes=["options"])
    group = nodes.tgroup(cols=3)
    table += group
    group.extend(nodes.colspec(colwidth=width) for width in (20, 15, 65))
    head = nodes.thead()
    group += head
    head += _row([nodes.Text(text) for text in ("option", "default", "meaning")])
    body = nodes.tbody()
    group += body
    for name, default, doc in rows:
        shown = nodes.Text("") if default is None else nodes.literal(text=f"{default!r}")
        body += _row([nodes.literal(text=name), shown, nodes.Text(doc)])
    return table


def _row(cells):
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += nodes.paragraph("", "", cell)
        row += entry
    return row


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
        return [*notes, _table([(p.name, p.default, p.doc) for p in method.parameters])]


class CommonOptions(Directive):
    """The options of every method."""

    def run(self):
        """Make the nodes."""
        return [_table([(o.name, o.default, o.doc) for o in OPTIONS])]


def setup(app):
    """Register the directives."""
    app.add_directive("method-options", MethodOptions)
    app.add_directive("common-options", CommonOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
