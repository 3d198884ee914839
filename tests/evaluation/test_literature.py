"""The numbers of papers are whole, and their columns can be measured here."""

import re

import numpy as np
import pytest

from jinpaint.errors import UsageError
from jinpaint.evaluation import literature, measures


@pytest.mark.parametrize('name', literature.TABLES)
def test_a_table_has_a_number_for_every_cell_and_a_source(name):
  table = literature.TABLES[name]
  assert re.search(r'Table \d', table.source)
  assert set(table.measures.values()) - {''} <= measures.MEASURES.keys()
  assert set(table.measures.values()) != {''}
  for column in table.columns.values():
    assert column.keys() == table.measures.keys()
    assert {len(numbers) for numbers in column.values()} == {len(table.bins)}
    # All get worse with larger holes: a slip of the pen would show.
    for heading, numbers in column.items():
      sign = 1 if heading == 'L1(%)' else -1
      assert (sign * np.diff(numbers) > 0).all(), (heading, numbers)


def test_a_table_that_does_not_exist_is_one_line_that_names_the_nearest():
  with pytest.raises(UsageError, match='did you mean "isnet:places2"'):
    literature.table('isnet:places')
