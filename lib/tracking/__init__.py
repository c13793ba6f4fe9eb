"""What MLflow keeps of the study; the only modules that import mlflow.

Runs stand in ``mlruns/mlflow.db`` (SQLite), artifacts under
``mlruns/artifacts/<experiment>/<run id>/artifacts``. ``MLFLOW_TRACKING_URI`` puts both beside
another SQLite file, or on a server, which then decides for itself.
"""
