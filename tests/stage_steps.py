"""The updates of a stage one by one: their terms, and gradients of the sum."""

import jax

from jinpaint.nets import Nets


def terms_of(stage, update=0):
  """Returns the compiled terms of an update, as a step computes them.

  Args:
    stage: the stage.
    update: which of its updates.

  Returns:
    `(variables, batch, published={}) -> (terms, moved)`, where `moved` has the
    statistics of each network after the update.
  """
  return jax.jit(_terms(stage, update))


def gradients_of(stage, update=0):
  """Returns the compiled gradients of an update, of all networks.

  Also of those that the update does not train: what it does to them can be
  looked at.

  Args:
    stage: the stage.
    update: which of its updates.

  Returns:
    `(variables, batch, published={}) -> (gradients, (terms, moved))`.
  """
  def loss(params, variables, batch, published):
    terms, moved = _terms(stage, update)(
        {name: {**variables[name], 'params': params[name]} for name in params},
        batch, published)
    return sum(terms.values()), (terms, moved)

  @jax.jit
  def gradients(variables, batch, published):
    return jax.grad(loss, has_aux=True)(
        {name: variables[name]['params'] for name in variables}, variables,
        batch, published)
  return lambda variables, batch, published=None: gradients(
      variables, batch, published or {})


def predict_of(stage):
  """Returns the compiled `predict` of a stage, `(variables, batch)`."""
  return jax.jit(lambda variables, batch: stage.predict(
      Nets(stage.networks, variables), batch))


def _terms(stage, update):
  def terms(variables, batch, published=None):
    nets = Nets({**stage.networks, **stage.published},
                {**variables, **(published or {})}, training=stage.trained)
    found = stage.updates[update].terms(nets, batch)
    return found, {name: nets.stats[name] for name in variables}
  return terms
