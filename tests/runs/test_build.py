"""What a config describes, and what of it cannot be."""

import pytest

from jinpaint import runs
from jinpaint.configs import pconv_lines
from jinpaint.errors import UsageError


@pytest.mark.parametrize(('key', 'value', 'message'), [
    ('compute', 'float8', 'unknown config.compute "float8"'),
    ('remat', 'generator,discriminatr',
     'unknown network in config.remat "discriminatr"; did you mean '
     '"discriminator"?')])
def test_computing_that_is_not_known_is_refused(key, value, message):
  config = pconv_lines.get_config('photos')
  config[key] = value
  with pytest.raises(UsageError) as caught:
    runs.computing_of(config, runs.stage_of(config))
  assert message in str(caught.value)


def test_networks_are_computed_again_that_the_config_names():
  config = pconv_lines.get_config('photos')
  config.remat = 'generator'
  assert runs.computing_of(config, runs.stage_of(config)) == {
      'compute': 'float32', 'remat': ('generator',)}
