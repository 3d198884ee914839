"""`python -m jinpaint` is the same as `jinpaint`."""

from jinpaint.commands import cli

if __name__ == '__main__':
  cli.main()
