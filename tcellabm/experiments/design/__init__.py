"""What to run: plans, arms, samples of parameter space, patients of one's own."""
