//! Pictures: made as jobs, which need no folder until there is a file, and at once.

use super::*;

#[test]
fn a_picture_is_created_waited_for_and_fetched_in_one_go() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let arguments = ["image", "create", "a weir", "-o", "out/weir.png"];
    let (envelope, code) = only(&run(folder.path(), Some(&provider), &arguments));
    assert_eq!((code, &envelope["command"]), (0, &json!("image.create")), "{envelope}");
    let result = &envelope["result"];
    assert_eq!(result["status"], "completed");
    let path = folder.path().canonicalize().unwrap().join("out/weir.png");
    assert_eq!(result["file"]["path"], json!(path));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(result["file"]["bytes"], json!(bytes.len()));
    assert!(bytes.starts_with(b"\x89PNG"));
}

#[test]
fn an_image_job_is_asked_about_waited_for_and_fetched_by_its_id() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    let run = |arguments: &[&str]| only(&run(folder.path(), Some(&provider), arguments));
    let (created, code) = run(&["image", "create", "a weir", "--quality", "low"]);
    assert_eq!(code, 0, "{created}");
    let id = created["result"]["id"].as_str().unwrap();
    assert_eq!(names(folder.path()), BTreeSet::new());

    let (status, code) = run(&["image", "status", id]);
    assert_eq!((code, &status["result"]["id"]), (0, &json!(id)), "{status}");
    let (waited, code) = run(&["image", "wait", id]);
    assert_eq!((code, &waited["result"]["status"]), (0, &json!("completed")), "{waited}");
    let (fetched, code) = run(&["image", "download", id, "-o", "weir.webp"]);
    assert_eq!((code, &fetched["result"]["file"]["format"]), (0, &json!("webp")), "{fetched}");
    assert_eq!(names(folder.path()), BTreeSet::from(["weir.webp".to_owned()]));
}

#[test]
fn a_picture_is_refined_from_an_earlier_one_and_from_files() {
    let (folder, provider) = (TempDir::new().unwrap(), simulator());
    fs::write(folder.path().join("photo.png"), png()).unwrap();
    let run = |arguments: &[&str]| only(&run(folder.path(), Some(&provider), arguments));
    let (first, _) = run(&["image", "create", "a weir", "--wait"]);
    let id = first["result"]["id"].as_str().unwrap();
    let again = ["image", "create", "at night", "--previous-id", id, "-o", "night.png"];
    let (second, code) = run(&again);
    assert_eq!(code, 0, "{second}");
    let input = ["image", "create", "in fog", "--input-image", "photo.png", "-o", "fog.png"];
    let (third, code) = run(&input);
    assert_eq!(code, 0, "{third}");
    let edit = ["image", "edit", "in rain", "--input-image", "photo.png", "-o", "rain.png"];
    let (fourth, code) = run(&edit);
    assert_eq!((code, &fourth["result"]["format"]), (0, &json!("png")), "{fourth}");
    let made = ["fog.png", "night.png", "photo.png", "rain.png"].map(str::to_owned);
    assert_eq!(names(folder.path()), BTreeSet::from(made));
}
