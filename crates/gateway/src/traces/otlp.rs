//! Spans as OTLP has them: the messages of `opentelemetry/proto/trace/v1`, in protobuf's encoding.
//!
//! A dozen fields of five messages do not need a code generator and a library beside it. What is
//! written here is read back by the official decoder in a test.

use std::time::SystemTime;

/// What a span is about (`Span.SpanKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Work for somebody else.
    Server,
    /// Work asked from somebody else.
    Client,
}

/// An attribute's value (`AnyValue`).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    Count(u64),
    Double(f64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

/// An attribute's name and value.
pub(super) type Attribute = (&'static str, Value);

/// A span that has ended.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) attributes: Vec<Attribute>,
    /// `error.type`, where it ended in an error.
    pub(super) error: Option<String>,
}

/// An `ExportTraceServiceRequest` with these spans of one service.
pub(super) fn request<'a>(service: &str, spans: impl Iterator<Item = &'a Span>) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            attribute(resource, 1, "service.name", &Value::from(service));
            attribute(resource, 1, "service.version", &Value::from(env!("CARGO_PKG_VERSION")));
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.bytes(1, b"weir");
                scope.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for span in spans {
                scope_spans.message(2, |message| write_span(message, span));
            }
        });
    });
    request.0
}

fn write_span(message: &mut Message, span: &Span) {
    message.bytes(1, &span.trace_id);
    message.bytes(2, &span.span_id);
    if let Some(parent) = &span.parent {
        message.bytes(4, parent);
    }
    message.bytes(5, span.name.as_bytes());
    message.varint(
        6,
        match span.kind {
            Kind::Server => 2,
            Kind::Client => 3,
        },
    );
    message.fixed64(7, nanos(span.began));
    message.fixed64(8, nanos(span.ended));
    for (name, value) in &span.attributes {
        attribute(message, 9, name, value);
    }
    if let Some(error) = &span.error {
        attribute(message, 9, "error.type", &Value::Text(error.clone()));
        // Status { code: STATUS_CODE_ERROR }
        message.message(15, |status| status.varint(3, 2));
    }
}

fn attribute(message: &mut Message, field: u32, name: &str, value: &Value) {
    message.message(field, |pair| {
        pair.bytes(1, name.as_bytes());
        pair.message(2, |any| match value {
            Value::Text(text) => any.bytes(1, text.as_bytes()),
            Value::Bool(yes) => any.varint(2, u64::from(*yes)),
            Value::Count(count) => any.varint(3, *count),
            Value::Double(number) => any.fixed64(4, number.to_bits()),
        });
    });
}

/// Nanoseconds since 1970; 0, which is "not known", for times that do not fit.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

/// A message as it is written. Fields are written even when they hold their default: a decoder
/// sees no difference.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

/// How a field's value is framed.
#[derive(Clone, Copy)]
enum Wire {
    Varint,
    Fixed64,
    Length,
}

impl Message {
    fn key(&mut self, field: u32, wire: Wire) {
        let wire = match wire {
            Wire::Varint => 0,
            Wire::Fixed64 => 1,
            Wire::Length => 2,
        };
        self.number(u64::from(field << 3 | wire));
    }

    /// Seven bits a byte, the low ones first; the eighth says that more follow.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            let [low, ..] = number.to_le_bytes();
            self.0.push(low | 0x80);
            number >>= 7;
        }
        let [low, ..] = number.to_le_bytes();
        self.0.push(low);
    }

    fn varint(&mut self, field: u32, number: u64) {
        self.key(field, Wire::Varint);
        self.number(number);
    }

    fn fixed64(&mut self, field: u32, bits: u64) {
        self.key(field, Wire::Fixed64);
        self.0.extend_from_slice(&bits.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, Wire::Length);
        self.number(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_specification_shows() {
        let written = |number| {
            let mut message = Message::default();
            message.varint(1, number);
            message.0
        };
        assert_eq!(written(150), [0x08, 0x96, 0x01]);
        assert_eq!(written(0), [0x08, 0x00]);
        assert_eq!(written(u64::MAX).len(), 11);
        let mut message = Message::default();
        message.bytes(2, b"testing");
        assert_eq!(message.0, b"\x12\x07testing");
    }
}
