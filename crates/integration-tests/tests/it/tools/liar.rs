//! An MCP server that lies about two files: one has a byte that is wrong, one is not there.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

/// SHA-256 of the file that an honest call of `save` leaves: a thousand times `x`.
pub(super) const HONEST_SHA256: &str =
    "44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f";
const HONEST: [u8; 1_000] = [b'x'; 1_000];

/// The file with the wrong byte.
pub(super) const CORRUPT: &str = "1_3.bin";
/// The file that is not there.
pub(super) const MISSING: &str = "2_1.bin";

/// The running server; it ends when it is dropped.
pub(super) struct Liar {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Liar {
    pub(super) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, folder) = (Arc::clone(&stop), folder.to_owned());
        let accepting = thread::spawn(move || accept(&listener, &stopped, &folder));
        Self { address, stop, accepting: Some(accepting) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

/// Each connection has a thread that ends with it; the tester closes all of its own.
fn accept(listener: &TcpListener, stop: &AtomicBool, folder: &Path) {
    let mut serving = Vec::new();
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (stream, folder) = (stream.unwrap(), folder.to_owned());
        serving.push(thread::spawn(move || while answer(&stream, &folder).is_some() {}));
    }
    for thread in serving {
        let _ = thread.join();
    }
}

/// Answers one request; `None` when the connection has ended.
fn answer(stream: &TcpStream, folder: &Path) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let message: Value = serde_json::from_slice(&body).unwrap();
    let reply = result(&message, folder).map_or_else(
        || "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned(),
        |result| {
            let text = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            )
        },
    );
    let mut writer = stream;
    writer.write_all(reply.as_bytes()).ok()
}

/// The result of a request; `None` for a notification.
fn result(message: &Value, folder: &Path) -> Option<Value> {
    message.get("id")?;
    Some(match message["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "liar", "version": "1" } }),
        "tools/list" => {
            json!({ "tools": [{ "name": "save", "inputSchema": { "type": "object" } }] })
        }
        "tools/call" => {
            let name = message["params"]["arguments"]["filename"].as_str().unwrap();
            leave(name, folder);
            json!({ "content": [{ "type": "text", "text": "saved" }], "isError": false })
        }
        _ => json!({}),
    })
}

fn leave(name: &str, folder: &Path) {
    let mut bytes = HONEST;
    if name == CORRUPT {
        bytes[500] = b'y';
    }
    if name != MISSING {
        fs::write(folder.join(name), bytes).unwrap();
    }
}
