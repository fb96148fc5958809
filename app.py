"""The Chalice app: registers the doors. Nothing else; importing it needs no environment and touches no network."""

from chalice.app import Chalice

from chalicelib import worker
from chalicelib.web import framework, health, keys, outcomes

app = Chalice(app_name="passback")
app.register_blueprint(outcomes.blueprint)
app.register_blueprint(keys.blueprint)
app.register_blueprint(health.blueprint)
app.register_blueprint(worker.blueprint)
app.register_middleware(framework.as_pox, "http")
