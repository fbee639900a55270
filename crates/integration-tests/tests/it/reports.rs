//! Reports are made again from the file alone, and are the same.

use std::fs;

use integration_tests::{Server, weir_in};

#[test]
fn every_report_can_be_made_again_from_run_json() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/v1/chat/completions", simulator.url);
    weir_in(folder.path(), ["stress", "streams", &url, "--ladder", "25,50", "--out", "out"])
        .unwrap();
    for (format, file) in [("html", "report.html"), ("json", "run.json")] {
        let output =
            weir_in(folder.path(), ["report", "out/run.json", "--format", format]).unwrap();
        let written = fs::read_to_string(folder.path().join("out").join(file)).unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert!(String::from_utf8_lossy(&output.stdout) == written, "{format} differs from {file}");
    }
    for format in ["markdown", "csv", "junit", "alerts", "terminal"] {
        let output =
            weir_in(folder.path(), ["report", "out/run.json", "--format", format]).unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert!(!output.stdout.is_empty(), "{format}");
    }
}

#[test]
fn secrets_are_in_no_file_of_the_run() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/v1/chat/completions", simulator.url);
    let secret = "s3cr3t-token-0123456789";
    let header = format!("authorization: Bearer {secret}");
    let arguments =
        ["stress", "streams", &url, "--ladder", "5", "--out", "out", "--header", &header, "-vv"];
    let output = weir_in(folder.path(), arguments).unwrap();
    for entry in fs::read_dir(folder.path().join("out")).unwrap() {
        let path = entry.unwrap().path();
        assert!(!fs::read_to_string(&path).unwrap().contains(secret), "{}", path.display());
    }
    assert!(!String::from_utf8_lossy(&output.stderr).contains(secret));
    assert!(!String::from_utf8_lossy(&output.stdout).contains(secret));
}
