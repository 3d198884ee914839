"""One HTML file about runs and evaluations, which opens without a server.

`page` puts it together: `history` reads what a training wrote, `evaluations`
what an evaluation wrote, `plots` computes what curves look like, `pictures`
makes images part of the file. How the page looks and what it says stands in
`templates/`.
"""

from pathlib import Path

from jinpaint.report.page import write

__all__ = ['SHARED_STYLE', 'write']

# The colours and tables of reports, which the page of `jinpaint app` has, too.
SHARED_STYLE = Path(__file__).with_name('templates') / 'shared.css'
