"""The classroom edition: a static site of recordings, which the modules of the class page play."""
