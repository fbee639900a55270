"""Decodes OTLP trace requests with the official library: one JSON line for each span.

    python tests/otel/decode.py FILE...

Each FILE is the body of one request, as `application/x-protobuf`.
"""

import json
import sys
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def plain(value):
    """The value of an attribute."""
    return getattr(value, value.WhichOneof("value"))


def attributes(pairs):
    """Attributes by name; a name that is there twice is an error."""
    found = {pair.key: plain(pair.value) for pair in pairs}
    assert len(found) == len(pairs), "an attribute is there twice"
    return found


for name in sys.argv[1:]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(Path(name).read_bytes())
    for of_resource in request.resource_spans:
        service = attributes(of_resource.resource.attributes)["service.name"]
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                # Nothing that the official types do not know.
                assert not span.HasField("status") or span.status.code == Status.STATUS_CODE_ERROR
                print(
                    json.dumps(
                        {
                            "service": service,
                            "scope": of_scope.scope.name,
                            "trace_id": span.trace_id.hex(),
                            "span_id": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "name": span.name,
                            "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                            "began": span.start_time_unix_nano,
                            "ended": span.end_time_unix_nano,
                            "attributes": attributes(span.attributes),
                            "error": span.HasField("status"),
                        }
                    )
                )
