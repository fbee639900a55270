use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from(|name| {
        pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    })
}

fn plan(media: Option<&Path>, file: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Plan> {
    let variable = |name: &str| (name == "A_KEY").then(|| "from-the-file".to_owned());
    let surroundings =
        Surroundings { variable: &variable, folder: Path::new("/"), temporary: Path::new("/tmp") };
    let settings = Settings::parse("weir.toml", file, surroundings).unwrap();
    Plan::new(media, settings, environment(pairs))
}

fn check(media: Option<&str>, file: &str, pairs: &[(&str, &str)], expected: [Option<&str>; 3]) {
    let plan = plan(media.map(Path::new), file, pairs).unwrap();
    let found = Kind::ALL.map(|kind| plan.folder(kind));
    assert_eq!(found, expected.map(|folder| folder.map(Path::new)), "{media:?} {file} {pairs:?}");
}

#[test]
fn the_option_goes_before_the_file_and_the_file_before_the_environment() {
    let file = "[media]\nfolder = \"/f\"\n";
    let named = [("WEIR_MEDIA_PATH", "/e")];
    check(None, "", &named, [Some("/e/videos"), Some("/e/images"), Some("/e/audio")]);
    check(None, "[media]\n", &named, [Some("/e/videos"), Some("/e/images"), Some("/e/audio")]);
    check(None, file, &named, [Some("/f/videos"), Some("/f/images"), Some("/f/audio")]);
    check(Some("/o"), file, &named, [Some("/o/videos"), Some("/o/images"), Some("/o/audio")]);
}

#[test]
fn windows_of_a_recording_are_as_many_as_the_file_says_else_the_environment() {
    let windows = |file: &str, said: &str| {
        let plan = plan(None, file, &[("SANZARU_TRANSCRIBE_MAX_CONCURRENCY", said)]);
        plan.map(|plan| plan.limits().windows).map_err(|error| error.to_string())
    };
    let file = "[media.limits]\nwindows = 2\n";
    assert_eq!(windows("", "8"), Ok(Some(8)));
    assert_eq!(windows("[media.limits]\ntries = 2\n", "8"), Ok(Some(8)));
    assert_eq!(windows(file, "8"), Ok(Some(2)));
    assert_eq!(windows("", "1000"), Ok(Some(16)));
    for wrong in ["0", "-1", "many"] {
        let expected =
            format!("SANZARU_TRANSCRIBE_MAX_CONCURRENCY={wrong} is no number above zero");
        assert_eq!(windows("", wrong), Err(expected));
    }
    assert_eq!(plan(None, "", &[]).unwrap().limits().windows, None);
}

#[test]
fn a_kinds_own_variable_wins_over_the_common_one() {
    let own = [("VIDEO_PATH", "/v"), ("AUDIO_PATH", "/a")];
    check(None, "", &own, [Some("/v"), None, Some("/a")]);
    let both = [("VIDEO_PATH", "/v"), ("SANZARU_MEDIA_PATH", "/s")];
    check(None, "", &both, [Some("/v"), Some("/s/images"), Some("/s/audio")]);
    let ours = [("WEIR_MEDIA_PATH", "/w"), ("SANZARU_MEDIA_PATH", "/s")];
    check(None, "", &ours, [Some("/w/videos"), Some("/w/images"), Some("/w/audio")]);
}

#[test]
fn folders_beneath_a_media_folder_are_made_and_named_ones_are_not() {
    let root = tempfile::tempdir().unwrap();
    let made = plan(Some(&root.path().join("new")), "", &[]).unwrap();
    made.make_folders().unwrap();
    assert!(root.path().join("new/images").is_dir());
    let named = root.path().join("named");
    let pairs = [("VIDEO_PATH", named.to_str().unwrap())];
    plan(None, "", &pairs).unwrap().make_folders().unwrap();
    assert!(!named.exists());
}

#[test]
fn without_any_folder_the_ways_to_name_one_are_told() {
    let error = plan(None, "", &[]).unwrap().need_places().unwrap_err().to_string();
    assert!(error.contains("--media DIR") && error.contains("WEIR_MEDIA_PATH"), "{error}");
}

#[test]
fn a_provider_of_the_file_is_never_sent_the_environments_key() {
    let ambient = [("OPENAI_API_KEY", "ambient"), ("OPENAI_BASE_URL", "http://ambient:1")];
    let key = |plan: &Plan| plan.provider.as_ref()?.key.as_ref().map(|key| key.expose().to_owned());
    assert_eq!(key(&plan(None, "", &ambient).unwrap()).as_deref(), Some("ambient"));
    let own = "[media.provider]\nbase_url = \"http://gpu:8000\"\n";
    let without_key = plan(None, own, &ambient).unwrap();
    assert_eq!((key(&without_key), without_key.has_key()), (None, false));
    let with_key = plan(None, &format!("{own}key_env = \"A_KEY\"\n"), &ambient).unwrap();
    assert_eq!(key(&with_key).as_deref(), Some("from-the-file"));
}

#[test]
fn limits_of_the_file_reach_the_pool_and_the_gates() {
    let file = "[media.limits]\ncpu_jobs = 3\ntransfers = 5\n";
    let plan = plan(None, file, &[]).unwrap();
    let media = plan.without_places();
    assert_eq!((media.pool.size(), plan.limits().transfers), (3, 5));
}

#[test]
fn an_object_storage_is_named_by_the_environment_and_needs_a_bucket_and_a_key() {
    let s3 = [
        ("STORAGE_BACKEND", "s3"),
        ("WEIR_S3_BUCKET", "bucket"),
        ("WEIR_S3_PREFIX", "/team/"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("WEIR_MEDIA_PATH", "/w"),
    ];
    let stored = plan(None, "", &s3).unwrap();
    assert!(stored.in_object_storage() && stored.has(Kind::Audio));
    assert_eq!(stored.folder(Kind::Video), None);
    let settings = stored.places.as_ref().and_then(|places| places.s3(Kind::Video)).unwrap();
    assert_eq!((settings.bucket.as_str(), settings.prefix.as_str()), ("bucket", "team/videos"));
    assert!(!format!("{stored:?}").contains("\"secret\""), "{stored:?}");
    // The option names a folder on this machine.
    assert!(!plan(Some(Path::new("/o")), "", &s3).unwrap().in_object_storage());
    let refused = |left_out: &str, expected: &str| {
        let pairs: Vec<_> = s3.into_iter().filter(|(name, _)| *name != left_out).collect();
        let error = plan(None, "", &pairs).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("WEIR_S3_BUCKET", "name one by WEIR_S3_BUCKET");
    refused("AWS_SECRET_ACCESS_KEY", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

#[test]
fn another_storage_than_ours_is_refused_with_the_known_ones() {
    let error = plan(None, "", &[("STORAGE_BACKEND", "databricks")]).unwrap_err().to_string();
    let expected =
        "STORAGE_BACKEND=databricks is not supported here: set it to local or s3, or unset it";
    assert_eq!(error, expected);
}
