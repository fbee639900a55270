//! One suite for every place that files can be in, and the places.

mod conformance;
mod object_storage;

use super::*;

#[tokio::test]
async fn a_folder_on_a_disk_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
    let limits = Limits::default();
    let store = Store::open_folder(Kind::Video, folder.path(), &limits).await.unwrap();
    conformance::check(&store).await;
}

#[tokio::test]
async fn an_object_storage_keeps_every_promise() {
    let server = object_storage::Server::start();
    let limits = Limits::default();
    let upstream = Upstream::new(&limits, &crate::upstream::Trust::system().unwrap());
    server.make_bucket(&upstream).await;
    let settings = server.settings();
    let store = Store::open_s3(Kind::Video, &settings, &upstream, &limits).unwrap();
    conformance::check(&store).await;
    store.cleared().await;
    let uploads = server.unfinished_uploads(&upstream).await;
    assert!(!uploads.contains("<Upload>"), "{uploads}");
    // Another prefix is another folder; the whole bucket holds both.
    let name = SafeName::parse("one.mp4").unwrap();
    store.write(Target::new(name, OnConflict::Overwrite), b"one").await.unwrap();
    let found = async |prefix: &str| {
        let settings = S3Settings { prefix: prefix.to_owned(), ..server.settings() };
        let store = Store::open_s3(Kind::Video, &settings, &upstream, &limits).unwrap();
        let found = store.list(Listing::new(Some("**"), 10).unwrap()).await.unwrap();
        found.iter().map(|file| file.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("").await, [format!("{}/one.mp4", settings.prefix)]);
    assert_eq!(found("elsewhere").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_object_storage_that_is_not_there_is_an_error_without_its_address() {
    let limits = Limits { tries: 2, ..Limits::default() };
    let upstream = Upstream::new(&limits, &crate::upstream::Trust::system().unwrap());
    // Port 1 is nobody's.
    let settings = object_storage::settings("http://127.0.0.1:1");
    let store = Store::open_s3(Kind::Video, &settings, &upstream, &limits).unwrap();
    let name = SafeName::parse("clip.mp4").unwrap();
    let info = tokio::time::timeout(std::time::Duration::from_secs(60), store.info(&name));
    let message = info.await.expect("an answer within a minute").unwrap_err().to_string();
    assert_eq!(message, "the object storage did not accept an operation on clip.mp4");
}
