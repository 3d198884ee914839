"""One HTML file about runs and evaluations, which opens without a server.

`page` puts it together: `history` reads what a training wrote, `evaluations`
what an evaluation wrote, `plots` computes what curves look like, `pictures`
makes images part of the file. How the page looks and what it says stands in
`templates/`.
"""

from jinpaint.report.page import write

__all__ = ['write']
