"""The pages under /w/<slug>/text/: how right the tags are, own labels, the experience score. They only show and ask."""
