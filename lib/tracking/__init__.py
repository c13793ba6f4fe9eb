"""What MLflow keeps of the study; the only modules that import mlflow.

Runs stand in ``mlruns/mlflow.db`` (SQLite), artifacts beside it; ``MLFLOW_TRACKING_URI`` names another place.
"""
