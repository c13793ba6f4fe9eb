"""What MLflow keeps of the study; the only modules that import mlflow.

`runs` records one run, `done` knows which runs there are and which are to do, `query`
compares them, `trained` finds a run whose model is to be used, `client` connects, and
`artifacts` keeps artifacts readable when the checkout is moved.

Layout
------
Tracking stands in ``mlruns/mlflow.db`` (SQLite), artifacts under
``mlruns/artifacts/<experiment>/<run id>/artifacts``. ``MLFLOW_TRACKING_URI`` puts both
elsewhere: beside another SQLite file, or on a server, which then decides for itself.
"""
