//! `weir media` as scripts use it: envelopes on stdout, exit codes, files where they were asked for.

mod images;
mod names;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use integration_tests::{Server, weir_binary};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `weir media …` against a provider, in a folder of its own.
fn command(folder: &Path, provider: Option<&Server>, arguments: &[&str]) -> Command {
    let mut command = Command::new(weir_binary());
    command.arg("media").args(arguments).current_dir(folder).stdin(Stdio::null());
    for variable in
        ["OPENAI_API_KEY", "OPENAI_BASE_URL", "WEIR_MEDIA_PATH", "SANZARU_MEDIA_PATH", "WEIR_LOG"]
    {
        command.env_remove(variable);
    }
    if let Some(provider) = provider {
        command.env("OPENAI_BASE_URL", format!("{}/v1", provider.url));
    }
    command
}

fn run(folder: &Path, provider: Option<&Server>, arguments: &[&str]) -> Output {
    command(folder, provider, arguments).output().unwrap()
}

/// The envelopes of a run, and its exit code.
#[track_caller]
fn envelopes(output: &Output) -> (Vec<Value>, i32) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.collect(), output.status.code().unwrap())
}

#[track_caller]
fn only(output: &Output) -> (Value, i32) {
    let (mut all, code) = envelopes(output);
    assert_eq!(all.len(), 1, "{}", String::from_utf8_lossy(&output.stderr));
    (all.remove(0), code)
}

fn simulator() -> Server {
    Server::simulator(["--profile", "instant"]).unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_video_is_created_waited_for_and_fetched_in_one_go() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let arguments = ["video", "create", "a river", "--size", "1280x720", "-o", "out/clip.mp4"];
    let (envelope, code) = only(&run(folder.path(), Some(&provider), &arguments));
    assert_eq!(code, 0, "{envelope}");
    assert_eq!(
        (&envelope["v"], &envelope["ok"], &envelope["command"]),
        (&json!(1), &json!(true), &json!("video.create"))
    );
    let result = &envelope["result"];
    assert_eq!(result["status"], "completed");
    let path = folder.path().canonicalize().unwrap().join("out/clip.mp4");
    assert_eq!(result["file"]["path"], json!(path));
    assert_eq!(result["file"]["bytes"], json!(fs::metadata(&path).unwrap().len()));
    assert_eq!(result["file"]["variant"], "video");
    assert_eq!(names(&folder.path().join("out")), BTreeSet::from(["clip.mp4".to_owned()]));
}

#[test]
fn a_job_without_waiting_answers_with_its_id_and_a_later_wait_fetches_it() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let run = |arguments: &[&str]| only(&run(folder.path(), Some(&provider), arguments));
    let (created, _) = run(&["video", "create", "a river"]);
    let id = created["result"]["id"].as_str().unwrap();
    assert_eq!(names(folder.path()), BTreeSet::new());
    let (waited, code) = run(&["wait", id, "-o", "clips/"]);
    assert_eq!((code, &waited["command"]), (0, &json!("wait")), "{waited}");
    assert_eq!(names(&folder.path().join("clips")), BTreeSet::from([format!("{id}.mp4")]));
}

#[test]
fn a_prompt_comes_from_a_file_or_is_escaped() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    fs::write(folder.path().join("prompt.txt"), "from a file").unwrap();
    for (argument, prompt) in [("@prompt.txt", "from a file"), ("@@home", "@home")] {
        let arguments = ["video", "create", argument];
        let (envelope, _) = only(&run(folder.path(), Some(&provider), &arguments));
        assert_eq!(envelope["result"]["prompt"], prompt);
    }
    let arguments = ["video", "create", "@missing.txt"];
    let (envelope, code) = only(&run(folder.path(), Some(&provider), &arguments));
    assert_eq!((code, &envelope["error"]["type"]), (2, &json!("usage")));
}

#[test]
fn a_wait_that_times_out_can_be_taken_up_by_its_own_command() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let create = ["video", "create", "slow [weir: slow-job=3s]", "-o", "a b/", "--timeout", "0.3s"];
    let (late, code) = only(&run(folder.path(), Some(&provider), &create));
    assert_eq!((code, &late["error"]["type"]), (4, &json!("timeout")), "{late}");
    let resume = late["resume"].as_str().unwrap();
    let rest = resume.strip_prefix("weir media ").unwrap();
    let again = format!("exec \"$0\" media {rest}");
    let mut shell = command(folder.path(), Some(&provider), &[]);
    let environment: Vec<_> = shell
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    shell = Command::new("sh");
    shell.args(["-c", &again]).arg(weir_binary()).current_dir(folder.path()).envs(environment);
    let (resumed, code) = only(&shell.output().unwrap());
    assert_eq!(code, 0, "{resumed}");
    assert_eq!(names(&folder.path().join("a b")).len(), 1);
}

#[test]
fn a_failed_job_an_unknown_one_and_a_mix_have_their_exit_codes() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let run = |arguments: &[&str]| run(folder.path(), Some(&provider), arguments);
    let (failed, code) = only(&run(&["video", "create", "no [weir: fail@50]", "--wait"]));
    assert_eq!((code, &failed["error"]["type"]), (5, &json!("job_failed")), "{failed}");
    assert_eq!(failed["status"], "failed");
    let bad = failed["id"].as_str().unwrap();

    let (unknown, code) = only(&run(&["video", "status", "video_unknown"]));
    assert_eq!((code, &unknown["error"]["type"]), (1, &json!("not_found")), "{unknown}");

    let (all, code) = envelopes(&run(&["video", "wait", bad, "vid_weir_good"]));
    assert_eq!((all.len(), code), (2, 6));
    let (all, code) = envelopes(&run(&["video", "wait", bad, "video_unknown"]));
    assert_eq!((all.len(), code), (2, 5));
}

#[test]
fn without_a_provider_or_a_folder_the_way_out_is_named() {
    let folder = TempDir::new().unwrap();
    let (envelope, code) = only(&run(folder.path(), None, &["video", "status", "video_1"]));
    assert_eq!((code, &envelope["error"]["type"]), (3, &json!("config")), "{envelope}");
    assert!(envelope["error"]["message"].as_str().unwrap().contains("OPENAI_API_KEY"));
    let (envelope, code) = only(&run(folder.path(), None, &["video", "files"]));
    assert_eq!((code, &envelope["error"]["type"]), (3, &json!("config")), "{envelope}");
    assert!(envelope["error"]["message"].as_str().unwrap().contains("WEIR_MEDIA_PATH"));
}

#[test]
fn capabilities_need_no_key_and_list_the_commands() {
    let folder = TempDir::new().unwrap();
    let (envelope, code) = only(&run(folder.path(), None, &["capabilities"]));
    let result = &envelope["result"];
    assert_eq!((code, &result["api_key_present"]), (0, &json!(false)));
    assert_eq!(result["features"]["video"]["available"], false);
    assert!(result["commands"]["video"].as_array().unwrap().contains(&json!("create")));
    let arguments = ["--media", "m", "capabilities"];
    let (envelope, _) = only(&run(folder.path(), None, &arguments));
    assert_eq!(envelope["result"]["paths_configured"]["audio"], true);
}

/// A PNG of 12x9 black pixels.
fn png() -> Vec<u8> {
    include_bytes!("media_cli/black.png").to_vec()
}

#[test]
fn commands_side_by_side_never_share_a_name_on_the_way() {
    // The tool that this replaces wrote `<stem>__sanzaru_tmp<ext>` beside the input first.
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/photo.png"), png()).unwrap();
    let outputs: Vec<String> = (0..6).map(|number| format!("out{number}/frame.png")).collect();
    let children: Vec<_> = outputs
        .iter()
        .enumerate()
        .map(|(number, output)| {
            // Two sizes, so that a mix-up shows.
            let size = if number % 2 == 0 { "1280x720" } else { "720x1280" };
            let arguments =
                ["image", "prepare", "in/photo.png", "--size", size, "--mode", "pad", "-o", output];
            command(folder.path(), None, &arguments).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for (number, child) in children.into_iter().enumerate() {
        let (envelope, code) = only(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{envelope}");
        assert_eq!(envelope["result"]["output_filename"], "frame.png");
        let path = folder.path().join(&outputs[number]);
        let bytes = fs::read(&path).unwrap();
        // Width and height stand in a PNG's first chunk.
        let size = [&bytes[16..20], &bytes[20..24]]
            .map(|part| u32::from_be_bytes(part.try_into().unwrap()));
        assert_eq!(size, if number % 2 == 0 { [1280, 720] } else { [720, 1280] });
        assert_eq!(names(path.parent().unwrap()), BTreeSet::from(["frame.png".to_owned()]));
    }
    assert_eq!(names(&folder.path().join("in")), BTreeSet::from(["photo.png".to_owned()]));
}

#[test]
fn a_picture_beside_its_input_gets_the_tools_own_name() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("photo.png"), png()).unwrap();
    let arguments = ["image", "prepare", "photo.png", "--size", "1280x720"];
    let (envelope, code) = only(&run(folder.path(), None, &arguments));
    assert_eq!((code, &envelope["result"]["original_size"]), (0, &json!([12, 9])), "{envelope}");
    assert!(folder.path().join("photo_1280x720.png").is_file());
    fs::write(folder.path().join("junk.png"), "<html>").unwrap();
    let arguments = ["image", "prepare", "junk.png", "--size", "1280x720", "-o", "x.png"];
    let (envelope, code) = only(&run(folder.path(), None, &arguments));
    assert_eq!((code, &envelope["error"]["type"]), (2, &json!("usage")), "{envelope}");
    assert!(!folder.path().join("x.png").exists());
}

#[test]
fn pictures_made_at_once_never_take_each_others_made_up_name() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let arguments = ["image", "generate", "a", "b", "--count", "3", "--concurrency", "6"];
    let mut command = command(folder.path(), Some(&provider), &arguments);
    let output = command.env("WEIR_MEDIA_PATH", folder.path()).output().unwrap();
    let (made, code) = envelopes(&output);
    let said = |it: &Value| it["result"]["filename"].as_str().unwrap().to_owned();
    let said: BTreeSet<String> = made.iter().map(said).collect();
    assert_eq!((code, made.len(), said.len()), (0, 6, 6), "{made:?}");
    assert_eq!(names(&folder.path().join("images")), said);
}

/// Transfers that are open at the provider.
fn transfers(provider: &Server) -> u64 {
    let (_, stats) = provider.get("/weir/stats").unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    stats.pointer("/media/transfers/open").and_then(Value::as_u64).unwrap()
}

#[test]
fn a_short_answer_that_ends_cleanly_never_replaces_a_good_file() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let quick = "[media.limits]\ntries = 2\npause = \"1ms\"\n";
    fs::write(folder.path().join("weir.toml"), quick).unwrap();
    for (variant, name) in [("video", "a.mp4"), ("thumbnail", "a.webp"), ("spritesheet", "a.jpg")] {
        let fetch = |id: &str| {
            let command = ["--config", "weir.toml", "video", "download", id];
            let arguments = [&command[..], &["--variant", variant, "-o", name]].concat();
            only(&run(folder.path(), Some(&provider), &arguments))
        };
        let (good, _) = fetch("vid_weir");
        let bytes = fs::read(folder.path().join(name)).unwrap();
        assert_eq!(good["result"]["file"]["bytes"], bytes.len(), "{good}");
        for short in ["vid_weir~end@50", "vid_weir~announce=100"] {
            let (bad, code) = fetch(short);
            let (kind, message) = (&bad["error"]["type"], bad["error"]["message"].as_str());
            assert_eq!((kind.as_str(), code), (Some("download_error"), 1), "{bad}");
            assert!(message.unwrap().starts_with("the upstream sent no whole file: "), "{bad}");
            assert!(fs::read(folder.path().join(name)).unwrap() == bytes, "{short} of {variant}");
        }
    }
    assert_eq!(names(folder.path()).len(), 4, "the file and three downloads");
}

#[test]
fn an_interrupted_download_leaves_nothing_half_and_says_how_to_go_on() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let id = "vid_weir~bytes=3000000; stall@1000000=60s";
    let arguments = ["video", "wait", id, "-o", "out/clip.mp4"];
    let mut child = command(folder.path(), Some(&provider), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // The provider knows when the transfer runs.
    let out = folder.path().join("out");
    while transfers(&provider) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "{:?}", lines.collect::<Vec<_>>());
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty(), "an interrupted command has no torn envelope");
    let said: Vec<String> = lines.by_ref().collect();
    assert!(said.iter().any(|line| line.contains("resume: weir media video wait")), "{said:?}");
    assert_eq!(names(&out), BTreeSet::new());
}

#[test]
fn a_transcript_can_be_enhanced_with_its_form_and_times_but_not_with_a_prompt() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let run = |arguments: &[&str]| run(folder.path(), Some(&provider), arguments);
    let (spoken, code) = only(&run(&["audio", "speak", "Welcome aboard.", "-o", "hello.wav"]));
    assert_eq!((code, &spoken["result"]["model"]), (0, &json!("gpt-4o-mini-tts")), "{spoken}");
    let whisper = ["audio", "transcribe", "hello.wav", "--model", "whisper-1"];
    let times = ["--format", "verbose_json", "--timestamps", "word"];
    for (enhance, flags) in [
        (&[][..], times),
        (&["--enhance", "professional"], times),
        (&[], ["--response-format", "verbose_json", "--timestamps", "word"]),
    ] {
        let (envelope, code) = only(&run(&[&whisper[..], enhance, &flags].concat()));
        assert_eq!(code, 0, "{envelope}");
        assert!(envelope["result"]["words"].is_array(), "{envelope}");
    }
    let both = ["--enhance", "professional", "--prompt", "names: Ada"];
    let refused = run(&[&whisper[..], &both].concat());
    assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(2), true));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--prompt"));
}
