"""Looking at results: figures and words, from tables only."""
