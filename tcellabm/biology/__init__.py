"""What cells do: agents, sites, cytokines, and the patient they make up."""
