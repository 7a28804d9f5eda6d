"""Tables in; tables and words out: rates, effects, survival, simulated rows beside published."""
