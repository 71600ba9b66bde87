"""The process in which a user's script runs; here, and nowhere else in the rehearsal, azureml is imported."""
