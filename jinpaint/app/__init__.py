"""The page in which pictures are filled: `jinpaint app`, the extra `[app]`."""
