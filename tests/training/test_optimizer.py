"""Adam's rates follow their schedule, and one that does not fit is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.errors import UsageError
from jinpaint.training.optimizer import Adam, WHOLE_RUN


def adam(**schedule):
  return Adam(learning_rate=0.5, b1=0.9, b2=0.999, **schedule)


@pytest.mark.parametrize('steps', [400, 2000])
def test_a_cosine_of_the_whole_run_ends_with_the_run(steps):
  schedule = adam(cosine_steps=WHOLE_RUN).schedule(steps)
  assert schedule(0) == 0.5
  assert float(schedule(steps // 2)) == pytest.approx(0.25)
  assert float(schedule(steps - 1)) > 0
  assert float(schedule(steps)) == pytest.approx(0, abs=1e-9)


def test_a_warm_up_multiplies_what_comes_after_it():
  schedule = adam(halve_every=10, warmup_steps=4).schedule(100)
  assert [float(schedule(step)) for step in (0, 2, 4, 10, 20)] == (
      pytest.approx([0, 0.25, 0.5, 0.25, 0.125]))


@pytest.mark.parametrize(('clip_norm', 'share'), [(0.0, 1.0), (1.0, 0.2)])
def test_gradients_are_clipped_to_their_common_norm(clip_norm, share):
  transformation = adam(clip_norm=clip_norm).transformation(10)
  gradient = {'a': jnp.float32(3), 'b': jnp.float32(4)}  # of norm 5
  with jax.numpy_dtype_promotion('standard'):  # optax mixes types
    _, state = transformation.update(gradient, transformation.init(gradient))
  moments = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)
             if '.mu' in jax.tree_util.keystr(path)]
  # Adam's first moment is 1 - b1 times the gradient that it is given.
  np.testing.assert_allclose(moments, [0.1 * 3 * share, 0.1 * 4 * share],
                             rtol=1e-5)


@pytest.mark.parametrize(('steps', 'schedule', 'line'), [
    (2000, {'cosine_steps': 400}, 'is 0 from step 400 on, but the run has 2000 '
                                  'steps: see cosine_steps'),
    (2000, {'halve_every': 50}, 'is halved 40 times in the 2000 steps of the '
                                'run, nearly to 0: see halve_every'),
    (100, {'warmup_steps': 100}, 'is still rising when the run ends, after 100 '
                                 'steps: see warmup_steps')])
def test_a_schedule_that_does_not_fit_its_run_is_said(steps, schedule, line):
  assert adam(**schedule).misfit(steps) == line


@pytest.mark.parametrize('schedule', [
    {}, {'cosine_steps': 2000}, {'cosine_steps': 4000}, {'halve_every': 100},
    {'cosine_steps': WHOLE_RUN}, {'warmup_steps': 1999}])
def test_a_schedule_that_fits_its_run_is_not_mentioned(schedule):
  assert adam(**schedule).misfit(2000) is None


@pytest.mark.parametrize('schedule', [
    {'cosine_steps': -2}, {'cosine_steps': 10, 'halve_every': 10}])
def test_two_schedules_at_once_or_an_impossible_one_are_refused(schedule):
  with pytest.raises(UsageError, match='cosine_steps is'):
    adam(**schedule)
