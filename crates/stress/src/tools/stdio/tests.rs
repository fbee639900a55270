use std::time::Duration;

use serde_json::json;
use tokio::task::LocalSet;

use super::*;
use crate::tools::session::{Carriage, Protocol, Session, Trivial};

const LIMIT: Duration = Duration::from_secs(20);

/// An MCP server in the language of every machine: it shakes hands, answers pings, saves nothing,
/// and does what a call's argument tells it to.
const SERVER: &str = r#"
echo "a server begins" >&2
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
  case "$line" in
    *'"method":"initialize"'*)
      echo 'a log line that is no message'
      answer '{"protocolVersion":"2025-06-18","capabilities":{}}' ;;
    *'"method":"ping"'*) answer '{}' ;;
    *'"die"'*) echo 'out of cheese 42' >&2; exit 3 ;;
    *'"mute"'*) ;;
    *'"method":"tools/call"'*)
      printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\n' "$id"
      answer '{"content":[{"type":"text","text":"{\"filename\":\"f\"}"}]}' ;;
  esac
done
"#;

fn command(script: &str) -> Command {
    Command { program: "sh".to_owned(), arguments: vec!["-c".to_owned(), script.to_owned()] }
}

async fn open(script: &str) -> Session {
    let transport = StdioTransport::start(&command(script)).unwrap();
    Session::open(Carriage::Stdio(Rc::new(transport)), Protocol::Auto, LIMIT)
        .await
        .map_err(|(_, failure)| failure)
        .unwrap()
}

async fn call(session: &Session, tool: &str, limit: Duration) -> crate::tools::session::Called {
    let now = Instant::now();
    session.call(tool, &json!({}), now, now + limit).await
}

#[tokio::test]
async fn a_process_answers_several_calls_at_once_and_each_its_own() {
    LocalSet::new()
        .run_until(async {
            let session = open(SERVER).await;
            assert_eq!(session.revision(), "2025-06-18");
            assert_eq!(session.find_trivial(LIMIT).await, Ok(Trivial::Ping));
            let calls = (0..8).map(|_| call(&session, "save", LIMIT));
            for called in futures_util::future::join_all(calls).await {
                let result = called.result.unwrap();
                assert_eq!(result.data(), Some(json!({ "filename": "f" })));
                assert_eq!(called.phases.progress, 1);
                assert!(called.phases.first_byte.unwrap() <= called.phases.total());
            }
            session.close().await;
        })
        .await;
}

#[tokio::test]
async fn a_process_that_dies_fails_all_its_calls_with_its_last_words() {
    LocalSet::new()
        .run_until(async {
            let session = open(SERVER).await;
            let (mute, die) =
                tokio::join!(call(&session, "mute", LIMIT), call(&session, "die", LIMIT));
            for called in [mute, die, call(&session, "save", LIMIT).await] {
                let Err(Failure::Transport(detail)) = called.result else { panic!("{called:?}") };
                assert_eq!(
                    detail,
                    "the process closed its stdout; its last words: out of cheese #"
                );
            }
        })
        .await;
}

#[tokio::test]
async fn a_call_that_gets_no_answer_times_out_and_the_next_one_is_answered() {
    LocalSet::new()
        .run_until(async {
            let session = open(SERVER).await;
            let called = call(&session, "mute", Duration::from_millis(200)).await;
            assert!(matches!(called.result, Err(Failure::Timeout(_))), "{called:?}");
            assert!(call(&session, "save", LIMIT).await.result.is_ok());
            session.close().await;
        })
        .await;
}

#[tokio::test]
async fn a_process_that_stays_after_its_stdin_closed_is_made_to_end() {
    LocalSet::new()
        .run_until(async {
            for stubborn in ["exec sleep 1000", "trap '' TERM; while :; do sleep 1; done"] {
                let transport = StdioTransport::start(&command(stubborn)).unwrap();
                let pid = transport.pid().unwrap();
                transport.end().await;
                assert_eq!(runtime::process::usage(pid), None, "{stubborn}");
            }
        })
        .await;
}

#[tokio::test]
async fn a_command_that_is_none_says_so() {
    LocalSet::new()
        .run_until(async {
            let command = Command { program: "/no/such/server".to_owned(), arguments: Vec::new() };
            let error = StdioTransport::start(&command).unwrap_err().to_string();
            assert!(error.starts_with("\"/no/such/server\" cannot be started: No such"), "{error}");
        })
        .await;
}

#[tokio::test]
async fn the_last_of_stderr_is_kept() {
    LocalSet::new()
        .run_until(async {
            let noisy = "yes 'a line of complaint' | head -n 4000 >&2; echo end >&2; cat";
            let transport = StdioTransport::start(&command(noisy)).unwrap();
            let heard = async {
                while !transport.stderr().ends_with("end\n") {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(LIMIT, heard).await.unwrap();
            assert_eq!(transport.stderr().len(), STDERR_KEPT_BYTES);
            transport.end().await;
        })
        .await;
}
