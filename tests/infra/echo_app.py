"""A small application that the tests deploy to a local cloud to see what the gateway makes of requests."""

import os
import time

from chalice.app import Chalice, CORSConfig

ANY_TYPE = ["application/json", "application/octet-stream", "*/*"]
CORS = CORSConfig(allow_origin="*", allow_headers=["X-Push-Key", "Prefer"], expose_headers=["X-Batch-Id"])

app = Chalice(app_name="freshwire", configure_logs=False)


@app.route("/health")
def health():
    return {"status": "OK"}


@app.route("/environment")
def environment():
    return dict(os.environ)


@app.route("/echo/{first}/{second}", methods=["GET", "POST"], content_types=ANY_TYPE, cors=CORS)
def echo(first, second):
    request = app.current_request
    body = request.raw_body
    return {
        "first": first,
        "second": second,
        "size": len(body),
        "start": body[:20].decode("latin-1"),
        "query": dict(request.query_params or {}),
        "host": request.headers.get("host"),
    }


@app.route("/sleep/{seconds}")
def sleep(seconds):
    time.sleep(float(seconds))
    return {"process": os.getpid()}


@app.route("/die")
def die():
    os._exit(1)


@app.route("/raise")
def fail():
    raise RuntimeError("the inside of the application")


@app.route("/answer/{size}")
def answer(size):
    return "x" * int(size)


@app.lambda_function(name="refresh")  # infra/app-merge.yaml names it
def refresh(event, context):
    return event
