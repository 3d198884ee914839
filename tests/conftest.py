"""Tests run on four simulated CPU devices with strict type promotion."""

import os

os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ['XLA_FLAGS'] = (
    os.environ.get('XLA_FLAGS', '')
    + ' --xla_force_host_platform_device_count=4')
os.environ['CUDA_VISIBLE_DEVICES'] = ''

import jax  # after the variables that it reads

jax.config.update('jax_numpy_dtype_promotion', 'strict')
# Tests compile more than they run.
jax.config.update('jax_disable_most_optimizations', True)
