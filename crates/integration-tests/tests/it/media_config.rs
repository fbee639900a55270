//! The media server as a file sets it up: folders, limits, and an object storage that is not ours.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use integration_tests::object_storage::{AUTHORIZATION, ObjectStorage};
use integration_tests::{Server, repository, weir_binary, weir_in};
use results::ToolsRun;
use serde_json::Value;

use crate::gateway::eventually;

/// Every variable that the media tools read.
const VARIABLES: [&str; 20] = [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "WEIR_MEDIA_PATH",
    "SANZARU_MEDIA_PATH",
    "VIDEO_PATH",
    "IMAGE_PATH",
    "AUDIO_PATH",
    "STORAGE_BACKEND",
    "WEIR_S3_BUCKET",
    "WEIR_S3_PREFIX",
    "WEIR_MCP_KEY",
    "WEIR_LOG",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "NO_COLOR",
];

/// `weir` with these variables and none that the machine happens to have.
pub(super) fn weir(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(weir_binary());
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied());
    command
}

/// Its exit code and what it says on stderr.
fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_example_passes_the_check_that_starts_and_makes_nothing() {
    let keys =
        [("OPENAI_API_KEY", "set"), ("AWS_ACCESS_KEY_ID", "set"), ("AWS_SECRET_ACCESS_KEY", "set")];
    let folder = tempfile::tempdir().unwrap();
    for name in ["folders.toml", "s3.toml"] {
        let text = fs::read_to_string(repository().join("examples/media").join(name)).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let arguments = ["mcp", "--check", "--config", name];
        let output = weir(folder.path(), &keys, &arguments).output().unwrap();
        assert_eq!(said(&output), (Some(0), String::new()), "{name}");
        // Without its keys the same file is refused.
        let (code, message) = said(&weir(folder.path(), &[], &arguments).output().unwrap());
        assert_eq!(code, Some(3), "{message}");
        assert!(message.contains("is not set"), "{message}");
    }
    assert!(!folder.path().join("media").exists());
}

#[test]
fn a_wrong_file_is_refused_with_its_place_whoever_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = "[[upstream]]\nname = \"one\"\nurl = \"http://127.0.0.1:9\"\n";
    let text = format!("{upstream}[media]\nfolder = \"m\"\n[media.limits]\ntranfers = 5\n");
    fs::write(folder.path().join("weir.toml"), text).unwrap();
    for arguments in [
        &["mcp", "--config", "weir.toml", "--check"][..],
        &["mcp", "--config", "weir.toml"],
        &["serve", "--check"],
    ] {
        let (code, message) = said(&weir(folder.path(), &[], arguments).output().unwrap());
        assert_eq!(code, Some(3), "{arguments:?}: {message}");
        for part in ["weir.toml:7:1: unknown field `tranfers`", "did you mean `transfers`?"] {
            assert!(message.contains(part), "{arguments:?}: {message}");
        }
    }
    let arguments = ["media", "--config", "weir.toml", "capabilities"];
    let output = weir(folder.path(), &[], &arguments).output().unwrap();
    let envelope: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &envelope["error"]["type"]), (Some(3), &"config".into()));
}

#[test]
fn the_gateway_mounts_what_its_file_says_and_keys_are_its_own_business() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.toml");
    let upstream = "[[upstream]]\nname = \"one\"\nurl = \"http://127.0.0.1:9\"\n";
    fs::write(&file, format!("{upstream}[media]\nfolder = \"media\"\n")).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", "weir.toml"];
    let server = Server::start(&mut weir(folder.path(), &[], &arguments)).unwrap();
    // GET without a session: the tools answer, where an unmounted path would be unknown.
    assert_eq!(server.get("/mcp").unwrap().0, 406);
    assert!(folder.path().join("media/videos").is_dir());
    drop(server);
    let guarded =
        format!("{upstream}[media]\nfolder = \"media\"\nguard = {{ key_env = \"KEY\" }}\n");
    fs::write(&file, guarded).unwrap();
    let checked = weir(folder.path(), &[("KEY", "k")], &["serve", "--check"]).output().unwrap();
    let (code, message) = said(&checked);
    assert_eq!(code, Some(3), "{message}");
    assert!(message.contains("weir key new"), "{message}");
}

#[test]
fn limits_and_guard_change_without_a_restart_and_folders_only_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Server::simulator(["--profile", "instant", "--video-bytes", "200000"]).unwrap();
    let configure = |media: &str| {
        let text = format!(
            "[[upstream]]\nname = \"one\"\nurl = \"http://127.0.0.1:9\"\n[media.provider]\n\
             base_url = \"{}/v1\"\n[media]\n{media}",
            simulator.url
        );
        // Never half a file: the server looks every second.
        fs::write(folder.path().join("new.toml"), text).unwrap();
        fs::rename(folder.path().join("new.toml"), folder.path().join("weir.toml")).unwrap();
    };
    configure("folder = \"media\"\nlimits = { file_bytes = \"199999B\" }\n");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", "weir.toml"];
    let server = Server::start(&mut weir(folder.path(), &[], &arguments)).unwrap();
    let reloads = |result: &str| {
        server.metric(&format!("weir_gateway_config_reloads_total{{result=\"{result}\"}}")).unwrap()
    };
    let download = || {
        let mcp = format!("{}/mcp", server.url);
        let call = r#"{"video_id": "vid_weir"}"#;
        let tool = ["--tool", "download_video", "--args", call, "--probe-every", "0ms"];
        let load = ["stress", "tools", &mcp, "--ladder", "1x1", "--out", "out"];
        weir_in(folder.path(), [&load[..], &tool].concat()).unwrap();
        let run = fs::read_to_string(folder.path().join("out/run.json")).unwrap();
        ToolsRun::from_json(&run).unwrap().levels.remove(0).succeeded
    };
    assert_eq!(download(), 0, "it is larger than a file may be");

    configure("folder = \"media\"\nlimits = { file_bytes = \"200KB\" }\n");
    server.signal("HUP").unwrap();
    eventually("a reload", || reloads("loaded") > 0.0);
    assert_eq!(download(), 1);

    configure("folder = \"media\"\nguard = { hosts = [\"media.example.com\"] }\n");
    server.signal("HUP").unwrap();
    eventually("another host's server", || server.get("/mcp").unwrap().0 == 421);

    // Refused as a whole: what could change does not change either.
    let refused = reloads("refused");
    configure("folder = \"elsewhere\"\n");
    server.signal("HUP").unwrap();
    eventually("a refused reload", || reloads("refused") > refused);
    assert_eq!(server.get("/mcp").unwrap().0, 421);
    assert!(!folder.path().join("elsewhere").exists());
}

/// Makes a bucket, which weir does not.
fn make_bucket(storage: &ObjectStorage, name: &str) {
    let address = storage.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "PUT /{name} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\
         authorization: {AUTHORIZATION}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Names and lengths of the videos that `weir media video files` lists.
fn videos(output: &Output) -> Vec<(String, u64)> {
    let envelope: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let files = envelope["result"]["data"].as_array().unwrap_or_else(|| panic!("{envelope}"));
    let mut files: Vec<_> = files
        .iter()
        .map(|file| {
            let name = file["filename"].as_str().unwrap().to_owned();
            (name, file["size_bytes"].as_u64().unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_object_storage_of_the_file_holds_what_agents_download_byte_for_byte() {
    /// More than one part of an upload.
    const BYTES: u64 = 6_000_011;
    let folder = tempfile::tempdir().unwrap();
    let storage = ObjectStorage::start().unwrap();
    make_bucket(&storage, "weir-media");
    let bytes = BYTES.to_string();
    let simulator = Server::simulator(["--profile", "instant", "--video-bytes", &bytes]).unwrap();
    let example = fs::read_to_string(repository().join("examples/media/s3.toml")).unwrap();
    let here = example
        .replace("http://127.0.0.1:9000", &storage.url)
        .replace("http://127.0.0.1:8100", &simulator.url);
    fs::write(folder.path().join("weir.toml"), here).unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let arguments = ["mcp", "--config", "weir.toml", "--listen", "127.0.0.1:0"];
    let server = Server::start(&mut weir(folder.path(), &keys, &arguments)).unwrap();

    // Two agents fetch a file each, and every byte is read back through the server.
    let mcp = format!("{}/mcp", server.url);
    let back = format!("{}/media/video/{{name}}", server.url);
    let call = r#"{"video_id": "vid_weir", "filename": "{agent}-{call}.mp4"}"#;
    let load = weir_in(
        folder.path(),
        [
            ["stress", "tools", &mcp].as_slice(),
            &["--tool", "download_video", "--args", call, "--ladder", "2x1"],
            &["--verify-url", &back, "--upstream-stats", &simulator.url],
            &["--probe-every", "0ms", "--out", "out"],
        ]
        .concat(),
    );
    let stderr = said(&load.unwrap()).1;
    let run = fs::read_to_string(folder.path().join("out/run.json"));
    let run = ToolsRun::from_json(&run.unwrap_or_else(|error| panic!("{error}: {stderr}")));
    let level = run.unwrap().levels.remove(0);
    assert_eq!((level.outcomes.ok, level.correct), (2, Some(2)), "{:?}: {stderr}", level.errors);
    assert_eq!((level.bytes_total, level.distinct_digests), (2 * BYTES, 1));
    drop(server);

    // The files are where the next process finds them, set up by the file or by the environment.
    let files = ["media", "--config", "weir.toml", "video", "files"];
    let listed = videos(&weir(folder.path(), &keys, &files).output().unwrap());
    assert_eq!(listed.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [BYTES, BYTES]);
    let environment = [
        keys[0],
        keys[1],
        ("STORAGE_BACKEND", "s3"),
        ("WEIR_S3_BUCKET", "weir-media"),
        ("WEIR_S3_PREFIX", "team"),
        ("AWS_ENDPOINT_URL", &storage.url),
    ];
    let files = ["media", "video", "files"];
    let again = videos(&weir(folder.path(), &environment, &files).output().unwrap());
    assert_eq!(again, listed);
    assert!(!folder.path().join("videos").exists(), "nothing lands on this machine");
}

#[test]
fn commands_write_to_the_object_storage_unless_a_path_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ObjectStorage::start().unwrap();
    make_bucket(&storage, "weir-media");
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let base = format!("{}/v1", simulator.url);
    let variables = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("STORAGE_BACKEND", "s3"),
        ("WEIR_S3_BUCKET", "weir-media"),
        ("WEIR_S3_PREFIX", "team"),
        ("AWS_ENDPOINT_URL", storage.url.as_str()),
        ("OPENAI_API_KEY", "any"),
        ("OPENAI_BASE_URL", base.as_str()),
    ];
    let media = |arguments: &[&str]| {
        let arguments = [&["media"][..], arguments].concat();
        let output = weir(folder.path(), &variables, &arguments).output().unwrap();
        let envelope: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(envelope["ok"], true, "{envelope}");
        envelope["result"].clone()
    };
    let video = media(&["video", "download", "vid_weir"]);
    assert_eq!(video["file"]["url"], "s3://weir-media/team/videos/vid_weir.mp4");
    assert!(video["file"]["bytes"].as_u64().unwrap() > 0);

    // What one command made is the next one's input, by its bare name; nothing lands here.
    let picture = media(&["image", "generate", "a weir"]);
    let name = picture["filename"].as_str().unwrap();
    let frame = media(&["image", "prepare", name, "--size", "1280x720"]);
    let frame_name = frame["output_filename"].as_str().unwrap();
    let url = format!("s3://weir-media/team/images/{frame_name}");
    assert_eq!(frame["file"]["url"].as_str(), Some(url.as_str()));
    let files = media(&["image", "files"]);
    assert_eq!(files["data"].as_array().unwrap().len(), 2, "{files}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    // A path is a path, also for what comes from the storage; and what lies here stays here.
    let here = media(&["image", "prepare", name, "--size", "1280x720", "-o", "here/frame.png"]);
    let path = folder.path().join("here/frame.png");
    let absolute = fs::canonicalize(&path).unwrap();
    assert_eq!(here["file"]["path"].as_str(), absolute.to_str());
    media(&["image", "prepare", "here/frame.png", "--size", "720x1280"]);
    assert_eq!(fs::read_dir(folder.path().join("here")).unwrap().count(), 2);
    let voice = media(&["audio", "speak", "hello"]);
    let voice = voice["output_file"].as_str().unwrap();
    assert_eq!(media(&["audio", "transcribe", voice])["chunked"], false);
    assert_eq!(media(&["image", "files"])["data"].as_array().unwrap().len(), 2);
}
