"""What is done to a patient, and what is seen of one."""
