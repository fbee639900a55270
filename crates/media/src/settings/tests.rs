use std::fmt::Write as _;

use super::*;

fn surroundings(folder: &Path) -> Surroundings<'_> {
    Surroundings {
        variable: &|name| match name {
            "SET" => Some("secret-value".to_owned()),
            "BROKEN" => Some("two\nlines".to_owned()),
            _ => None,
        },
        folder,
        temporary: Path::new("/tmp"),
    }
}

fn parse(text: &str) -> Result<Option<Settings>, Box<ConfigError>> {
    Settings::parse("weir.toml", text, surroundings(Path::new("/srv")))
}

fn parsed(text: &str) -> Settings {
    parse(text).unwrap().expect("there is a [media] table")
}

#[test]
fn a_file_without_a_table_says_nothing_and_is_refused_where_it_must_say_something() {
    assert!(parse("listen = \"127.0.0.1:1\"\n").unwrap().is_none());
    let own = |text| {
        let read = Settings::parse_own("weir.toml", text, surroundings(Path::new("/")));
        read.err().map(|error| error.to_string())
    };
    assert_eq!(own("[media]\n"), None);
    let meant = "weir.toml: there is no [media] table\ndid you mean it by `medai`?";
    assert_eq!(own("[medai]\n").as_deref(), Some(meant));
    let none = "weir.toml: there is no [media] table\nadd one: everything in it has a default";
    assert_eq!(own("[limits]\n").as_deref(), Some(none));
}

#[test]
fn an_empty_table_leaves_everything_as_usual() {
    let settings = parsed("[media]\n");
    assert_eq!((settings.places, settings.provider), (None, None));
    assert_eq!(settings.guard, GuardSettings::default());
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.on_conflict, OnConflict::Overwrite);
}

#[test]
fn paths_are_relative_to_the_file_and_a_program_alone_is_looked_for() {
    let settings = parsed("[media]\nfolder = \"media\"\nffmpeg = \"bin/ffmpeg\"\n");
    let folder = settings.places.as_ref().and_then(|places| places.folder(Kind::Image));
    let expected = Folder { path: "/srv/media/images".into(), make: true };
    assert_eq!(folder, Some(&expected));
    assert_eq!(settings.ffmpeg.as_deref(), Some(Path::new("/srv/bin/ffmpeg")));
    let alone = parsed("[media]\nffmpeg = \"ffmpeg7\"\n");
    assert_eq!(alone.ffmpeg.as_deref(), Some(Path::new("ffmpeg7")));
}

#[test]
fn a_folder_of_its_own_is_taken_as_it_is_and_other_kinds_have_none() {
    let own = tempfile::tempdir().unwrap();
    std::fs::create_dir(own.path().join("clips")).unwrap();
    let text = "[media]\nvideos = \"clips\"\n";
    let settings = Settings::parse("weir.toml", text, surroundings(own.path())).unwrap().unwrap();
    let places = settings.places.unwrap();
    let expected = Folder { path: own.path().join("clips"), make: false };
    assert_eq!(places.folder(Kind::Video), Some(&expected));
    assert_eq!((places.folder(Kind::Image), places.s3(Kind::Image)), (None, None));
}

#[test]
fn an_object_storage_has_a_prefix_for_each_kind_and_never_shows_its_keys() {
    let text = "[media.s3]\nbucket = \"b\"\nprefix = \"/team/\"\naccess_key_id_env = \"SET\"\n\
                secret_access_key_env = \"SET\"\nendpoint = \"http://127.0.0.1:9000\"\n";
    let settings = parsed(text);
    let places = settings.places.clone().unwrap();
    let prefix = |kind| places.s3(kind).map(|settings| settings.prefix);
    assert_eq!(prefix(Kind::Video).as_deref(), Some("team/videos"));
    assert_eq!(prefix(Kind::Audio).as_deref(), Some("team/audio"));
    assert_eq!(places.folder(Kind::Video), None);
    let key = places.s3(Kind::Video).and_then(|settings| settings.secret_access_key);
    assert_eq!(key.as_ref().map(Secret::expose), Some("secret-value"));
    assert!(!format!("{settings:?}").contains("secret-value"), "{settings:?}");
    let whole_bucket = parsed("[media.s3]\nbucket = \"b\"\n").places.unwrap();
    assert_eq!(whole_bucket.s3(Kind::Image).unwrap().prefix, "images");
}

#[test]
fn every_refusal_names_file_place_key_and_remedy() {
    let s3 = "[media.s3]\nbucket = \"b\"\n";
    let wrong = [
        "[media]\nfoldr = \"x\"\n".to_owned(),
        "[media]\nfolder = \"a\"\nvideos = \"b\"\n".to_owned(),
        format!("[media]\nfolder = \"a\"\n{s3}"),
        "[media]\nvideos = \"/no/such/folder\"\n".to_owned(),
        "[media]\non_conflict = \"renam\"\n".to_owned(),
        "[media]\nca = \"/no/such/file.pem\"\n".to_owned(),
        "[media.limits]\nidl = \"1s\"\n".to_owned(),
        "[media.limits]\ntransfers = 1\nidle = \"x\"\n".to_owned(),
        "# one\n[media.limits]\ntries = 3\ntransfers = 0\n".to_owned(),
        "[media.s3]\nbucket = \"\"\n".to_owned(),
        format!("{s3}endpoint = \"127.0.0.1:9000\"\n"),
        format!("{s3}endpoint = \"http://127.0.0.1:9000\"\n"),
        format!("{s3}prefix = \"../x\"\n"),
        format!("{s3}access_key_id_env = \"SET\"\n"),
        format!("{s3}access_key_id_env = \"UNSET\"\nsecret_access_key_env = \"SET\"\n"),
        format!("{s3}secret_access_key = \"never in a file\"\n"),
        "[media.provider]\n".to_owned(),
        "[media.provider]\nbase_url = \"ftp://host\"\n".to_owned(),
        "[media.provider]\nkey_env = \"BROKEN\"\n".to_owned(),
        "[media.guard]\nhosts = [\"good\", \"a b\"]\n".to_owned(),
        "[media.guard]\norigins = [\"app.example.com\"]\n".to_owned(),
        "[media.guard]\nkey_env = \"UNSET\"\n".to_owned(),
    ];
    let mut shown = String::new();
    for text in wrong {
        let error = parse(&text).unwrap_err();
        writeln!(shown, "{error}\n").unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn the_examples_are_valid_and_the_one_of_folders_says_every_default() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/media");
    let read = |name: &str| {
        let text = std::fs::read_to_string(Path::new(folder).join(name)).unwrap();
        let surroundings = Surroundings {
            variable: &|_| Some("value".to_owned()),
            folder: Path::new(folder),
            temporary: Path::new("/tmp"),
        };
        Settings::parse(name, &text, surroundings).unwrap_or_else(|error| panic!("{error}"))
    };
    let folders = read("folders.toml").unwrap();
    assert_eq!(folders.limits, Limits::default());
    assert_eq!(folders.on_conflict, OnConflict::default());
    let provider = folders.provider.unwrap();
    assert_eq!(provider.base, Base::parse(Base::OPENAI).unwrap());
    assert!(matches!(read("s3.toml").unwrap().places, Some(Places::S3(_))));
}
