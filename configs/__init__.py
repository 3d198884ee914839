"""The published settings: one file a system, numbers and where they come from.

They are imported as `jinpaint.configs.<system>`, in a checkout and where
jinpaint is installed.
"""
