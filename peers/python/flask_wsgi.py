"""Flask on WSGI: one thread for every answer.

    gunicorn --chdir peers/python --worker-class gthread flask_wsgi:application
"""

import time

from flask import Flask, Response, jsonify, request

import answer

application = Flask(__name__)


def events(count):
    yield answer.OPEN
    for wait_s, word in answer.schedule(count):
        time.sleep(wait_s)
        yield answer.event({"content": word})
    yield answer.END


@application.post("/v1/chat/completions")
def chat():
    body = request.get_json()
    if not body.get("messages"):
        return jsonify(answer.MISSING_MESSAGES), 400
    count = answer.chunk_count(body)
    return Response(events(count), mimetype="text/event-stream", headers=answer.headers(count))
