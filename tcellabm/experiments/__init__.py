"""Many patients: what to run, how it is run, and the result folders it is kept in."""
