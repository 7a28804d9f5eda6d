"""What to run: plans, arms, samples of parameter space, a posterior to draw from."""
