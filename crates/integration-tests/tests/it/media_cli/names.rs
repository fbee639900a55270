//! Where files may go: refused while nothing is paid yet, and never in another file's place unasked.

use std::os::unix::fs::symlink;

use super::*;

/// Requests that the provider was asked.
fn requests(provider: &Server) -> u64 {
    let (_, stats) = provider.get("/weir/stats").unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    stats["started"].as_u64().unwrap()
}

#[test]
fn a_name_that_no_file_can_have_is_refused_before_a_job_is_paid_for() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let at = |name: &str| folder.path().join(name);
    for kind in ["mp4", "png"] {
        fs::write(at(&format!("taken.{kind}")), "old").unwrap();
        symlink(at(&format!("taken.{kind}")), at(&format!("link.{kind}"))).unwrap();
    }
    let video = ["x.sh", "link.mp4", "taken.mp4", "taken.mp4/clip.mp4"];
    let image = ["x.sh", "x.gif", "link.png", "taken.png", "taken.png/weir.png"];
    let cases = [
        (&["video", "create", "a weir"][..], &video[..]),
        (&["video", "remix", "vid_weir_old", "at night"], &video),
        (&["image", "create", "a weir"], &image),
    ];
    let before = names(folder.path());
    for (command, outputs) in cases {
        for output in outputs {
            let end = ["-o", output, "--on-conflict", "error"];
            let (envelope, code) =
                only(&run(folder.path(), Some(&provider), &[command, &end[..]].concat()));
            assert!(matches!(code, 2 | 3), "{output}: {envelope}");
        }
    }
    assert_eq!(requests(&provider), 0);
    assert_eq!(names(folder.path()), before);
    // What may have its name is made.
    let arguments = ["video", "create", "a weir", "-o", "taken.mp4"];
    let (envelope, code) = only(&run(folder.path(), Some(&provider), &arguments));
    assert_eq!(code, 0, "{envelope}");
    assert_ne!(fs::read(at("taken.mp4")).unwrap(), b"old");
}

#[test]
fn an_edit_whose_name_is_refused_elsewhere_is_not_paid_for() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    fs::create_dir(folder.path().join("out")).unwrap();
    fs::write(folder.path().join("photo.png"), png()).unwrap();
    symlink(folder.path().join("photo.png"), folder.path().join("out/link.png")).unwrap();
    let edit = ["image", "edit", "in rain", "--input-image", "photo.png", "-o", "out/link.png"];
    let (envelope, code) = only(&run(folder.path(), Some(&provider), &edit));
    assert_eq!((code, &envelope["error"]["type"]), (2, &json!("usage")), "{envelope}");
    assert_eq!(requests(&provider), 0);
}

#[test]
fn only_a_name_that_was_chosen_takes_another_files_place() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/photo.png"), png()).unwrap();
    let prepare = |end: &[&str]| {
        let start = ["image", "prepare", "in/photo.png", "--size", "1280x720"];
        let (envelope, code) = only(&run(folder.path(), None, &[&start, end].concat()));
        (envelope["result"]["output_filename"].as_str().map(str::to_owned), code)
    };
    // Beside the input, where the tool works, and in another folder, where its file is brought to.
    for end in [&[][..], &["-o", "out/"]] {
        let with = |more: &'static [&str]| [end, more].concat();
        assert_eq!(prepare(end), (Some("photo_1280x720.png".to_owned()), 0));
        assert_eq!(prepare(end), (Some("photo_1280x720-2.png".to_owned()), 0));
        let asked = with(&["--on-conflict", "overwrite"]);
        assert_eq!(prepare(&asked), (Some("photo_1280x720.png".to_owned()), 0));
        assert_eq!(prepare(&with(&["--on-conflict", "error"])), (None, 2));
    }
    for _ in 0..2 {
        assert_eq!(prepare(&["-o", "out/frame.png"]), (Some("frame.png".to_owned()), 0));
    }
    let renamed = ["-o", "out/frame.png", "--on-conflict", "rename"];
    assert_eq!(prepare(&renamed), (Some("frame-2.png".to_owned()), 0));
}
