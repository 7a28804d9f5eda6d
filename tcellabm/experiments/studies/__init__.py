"""What is run for a purpose: a patient, sweep, trial, counterfactuals, sensitivity, calibration."""
