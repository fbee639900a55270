//! The one answer that the server gives, encoded before the first request.

use std::time::Duration;

/// When what is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// From the whole request to the first event.
    pub(crate) first: Duration,
    /// Between two events.
    pub(crate) gap: Duration,
    /// Events with content.
    pub(crate) events: u32,
}

impl Schedule {
    /// From the whole request to the event with this index.
    pub(crate) fn due(&self, index: u32) -> Duration {
        self.first + self.gap * index
    }
}

/// The pieces of an answer, in HTTP's chunked coding.
pub(crate) struct Answer {
    pub(crate) head: Vec<u8>,
    pub(crate) event: Vec<u8>,
    /// Finish reason, terminal event and the end of the body: leaves with the last event.
    pub(crate) end: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(schedule: &Schedule) -> Self {
        let ideal = schedule.due(schedule.events.saturating_sub(1));
        let head = format!(
            "HTTP/1.1 200 OK\r\nserver: weir-control\r\ncontent-type: text/event-stream\r\n\
             transfer-encoding: chunked\r\nx-weir-ideal-us: {}\r\n\r\n",
            ideal.as_micros()
        );
        let event = event(r#"{"role":"assistant","content":"river "}"#, "null");
        let mut end = chunk(&self::event("{}", r#""stop""#));
        end.extend(chunk("data: [DONE]\n\n"));
        end.extend(b"0\r\n\r\n");
        Self { head: head.into_bytes(), event: chunk(&event), end }
    }
}

fn event(delta: &str, finish_reason: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-01\",\"object\":\"chat.completion.chunk\",\"created\":1,\
         \"model\":\"control\",\"choices\":[{{\"index\":0,\"delta\":{delta},\
         \"finish_reason\":{finish_reason}}}]}}\n\n"
    )
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a usual event of OpenAI's.
    const EVENT_BYTES: usize = 184;

    #[test]
    fn an_event_has_the_usual_length() {
        let event = event(r#"{"role":"assistant","content":"river "}"#, "null");
        assert_eq!(event.len(), EVENT_BYTES, "{event}");
    }

    #[test]
    fn the_ideal_is_announced() {
        let (first, gap) = (Duration::from_millis(1100), Duration::from_millis(140));
        let answer = Answer::new(&Schedule { first, gap, events: 60 });
        let head = String::from_utf8(answer.head).unwrap();
        assert!(head.contains("x-weir-ideal-us: 9360000\r\n"), "{head}");
    }
}
