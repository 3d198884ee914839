"""`jinpaint report`: writes one HTML file about runs and evaluations."""

import argparse

from jinpaint.commands import parsers, writing
from jinpaint.errors import UsageError


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'report', help='write one HTML file about a run and its evaluation',
      description='Writes one HTML file that opens without a server: the '
      'evaluation with its table, a plot against hole ratios and a gallery, '
      'and the training with its curves, pictures, config and parameters. The '
      'curves of several runs are drawn over each other.')
  parser.add_argument(
      'runs', metavar='RUN', type=parsers.path, nargs='+',
      help='the directory of a run, or the folder of an evaluation')
  parser.add_argument(
      '--output', type=parsers.path, metavar='FILE.html',
      help='by default report.html in the only RUN')
  parsers.add_overwrite(parser)
  return parser


def run(args: argparse.Namespace) -> None:
  """Writes the file.

  Raises:
    UsageError: a folder is no run, or the file exists or cannot be written.
  """
  # Imported here: SciPy takes time, which the other commands need not wait.
  from jinpaint import report
  output = args.output
  if output is None:
    if len(args.runs) > 1:
      raise UsageError('--output=FILE.html says where the report of several '
                       'runs is written')
    output = args.runs[0] / 'report.html'
  if output.suffix.lower() not in ('.html', '.htm'):
    raise UsageError(f'--output={output} is no HTML file; its name must end '
                     'with .html')
  if not args.overwrite:
    writing.refuse_to_overwrite([output])
  report.write(args.runs, output)
  print(f'wrote {output}')
