"""Which packages a wheel holds; all else about it is in setup.cfg."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=['jinpaint*']), 'jinpaint.configs'],
    package_dir={'jinpaint.configs': 'configs'},
    package_data={'jinpaint': ['py.typed', 'models/*.npz'],
                  'jinpaint.app': ['templates/*', 'static/**'],
                  'jinpaint.report': ['templates/*']})
