use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A certificate authority, a certificate of its for these names, and the file with the
/// authority's own; the file goes with the value.
pub(super) struct Authority {
    pub(super) server: Arc<ServerConfig>,
    pub(super) cacert: PathBuf,
}

impl Drop for Authority {
    fn drop(&mut self) {
        std::fs::remove_file(&self.cacert).unwrap();
    }
}

pub(super) fn authority(names: &[&str], alpn: &[&[u8]]) -> Authority {
    static COUNTER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, format!("authority {count}"));
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    server.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let cacert = std::env::temp_dir().join(format!("weir-ca-{}-{count}.pem", std::process::id()));
    std::fs::write(&cacert, root.pem()).unwrap();
    Authority { server: Arc::new(server), cacert }
}

/// An HTTPS server that answers every request with these bytes.
async fn serve(config: Arc<ServerConfig>, answer: String) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, answer) = (TlsAcceptor::from(Arc::clone(&config)), answer.clone());
            connections.spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut request = Vec::new();
                while stream.read_buf(&mut request).await.unwrap_or(0) > 0 {
                    if request.ends_with(b"{\"stream\":true}") {
                        request.clear();
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        stream.flush().await.unwrap();
                    }
                }
            });
        }
    });
    (port, tasks)
}

pub(super) fn connector(host: &str, port: u16, settings: &TlsSettings) -> Connector {
    Connector::new(&Target {
        host: host.to_owned(),
        addresses: vec![([127, 0, 0, 1], port).into()],
        sources: Vec::new(),
        security: Security::Tls(client_config(settings).unwrap()),
    })
    .unwrap()
}

async fn check(
    host: &str,
    settings: &TlsSettings,
    server: Arc<ServerConfig>,
    outcome: Outcome,
    detail: &str,
) {
    let (port, _server) = serve(server, whole(&["a", "b"])).await;
    let connector = connector(host, port, settings);
    let request = request(Dialect::OpenaiChat, "https", &format!("{host}:{port}"));
    let seen = Seen::default();
    let mut connection = None;
    for _ in 0..2 {
        let report =
            connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen).await;
        assert_eq!((report.outcome, report.detail.as_ref()), (outcome, detail));
    }
    assert_eq!(
        seen.connected.get(),
        u32::from(outcome == Outcome::Ok),
        "the session is used again"
    );
}

#[tokio::test]
async fn a_certificate_is_trusted_by_its_authority() {
    let authority = authority(&["localhost"], &[b"http/1.1"]);
    let settings = TlsSettings { cacert: Some(authority.cacert.clone()), ..TlsSettings::default() };
    check("localhost", &settings, Arc::clone(&authority.server), Outcome::Ok, "").await;
    let wrong_name =
        "certificate not trusted: not valid for this host name; use --cacert or --insecure";
    check("127.0.0.1", &settings, Arc::clone(&authority.server), Outcome::ConnectError, wrong_name)
        .await;
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_with_the_remedy_and_taken_if_insecure() {
    let server = authority(&["localhost"], &[]);
    let other = authority(&["localhost"], &[]);
    let settings = TlsSettings { cacert: Some(other.cacert.clone()), ..TlsSettings::default() };
    let unknown = "certificate not trusted: unknown issuer; use --cacert or --insecure";
    check("localhost", &settings, Arc::clone(&server.server), Outcome::ConnectError, unknown).await;
    let insecure = TlsSettings { insecure: true, ..TlsSettings::default() };
    check("localhost", &insecure, Arc::clone(&server.server), Outcome::Ok, "").await;
}

#[tokio::test]
async fn a_server_without_tls_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = TlsSettings { insecure: true, ..TlsSettings::default() };
    let connector = connector("localhost", port, &settings);
    let request = request(Dialect::OpenaiChat, "https", "localhost");
    let plain = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut hello = [0; 16];
        socket.read_exact(&mut hello).await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket
    };
    let seen = Seen::default();
    let mut connection = None;
    let stream = connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen);
    let (report, _socket) = tokio::join!(stream, plain);
    let expected = (Outcome::ConnectError, "the server does not speak TLS");
    assert_eq!((report.outcome, report.detail.as_ref()), expected);
}

#[tokio::test]
async fn a_session_that_breaks_off_without_its_closing_is_cut() {
    let authority = authority(&["localhost"], &[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = TlsSettings { insecure: true, ..TlsSettings::default() };
    let connector = connector("localhost", port, &settings);
    let request = request(Dialect::Text, "https", "localhost");
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream =
            TlsAcceptor::from(Arc::clone(&authority.server)).accept(socket).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{\"stream\":true}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of it").await.unwrap();
        stream.flush().await.unwrap();
        // Dropped without `close_notify`: an attacker could have cut it here.
    };
    let seen = Seen::default();
    let mut connection = None;
    let stream = connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen);
    let (report, ()) = tokio::join!(stream, server);
    let expected = (Outcome::Truncated, "cut before its terminal event: connection closed");
    assert_eq!((report.outcome, report.detail.as_ref()), expected);
}
