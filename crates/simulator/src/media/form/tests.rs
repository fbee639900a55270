use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(kind: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap())])
}

/// Name, name of the file, data.
type Found = (String, Option<String>, Vec<u8>);

fn fields(kind: &str, body: &[u8]) -> Result<Vec<Found>, String> {
    let form = Form::parse(&headers(kind), body).map_err(|problem| problem.message)?;
    let fields = form.0.into_iter();
    Ok(fields.map(|field| (field.name, field.filename, field.data.into_owned())).collect())
}

/// Multipart bodies with the boundary `b`.
fn check(body: &str, expected: &[(&str, Option<&str>, &str)]) {
    let expected = expected
        .iter()
        .map(|(name, filename, data)| {
            ((*name).to_owned(), filename.map(str::to_owned), data.as_bytes().to_vec())
        })
        .collect();
    assert_eq!(fields("multipart/form-data; boundary=b", body.as_bytes()), Ok(expected));
}

fn refused(body: &str, reason: &str) {
    let expected = format!("the body is not valid multipart/form-data: {reason}");
    assert_eq!(fields("multipart/form-data; boundary=b", body.as_bytes()), Err(expected));
}

#[test]
fn fields_and_files_are_told_apart() {
    check(
        "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na river\r\n\
         --b\r\ncontent-type: image/png\r\ncontent-disposition: form-data; name=\"image[]\"; \
         filename=\"a;\\\"b\\\".png\"\r\n\r\n\r\n--a\r\n--b--\r\n",
        &[("prompt", None, "a river"), ("image", Some("a;\"b\".png"), "\r\n--a")],
    );
}

#[test]
fn preamble_white_space_and_empty_parts_are_read() {
    check(
        "hello\r\n--b  \r\nContent-Disposition: form-data; name=x; filename=y\r\n\r\n\r\n--b--",
        &[("x", Some("y"), "")],
    );
    check("--b--", &[]);
}

#[test]
fn a_quoted_boundary_is_read() {
    let body = b"--a b\r\ncontent-disposition: form-data; name=n\r\n\r\n1\r\n--a b--";
    let found = fields("multipart/form-data; charset=utf-8; boundary=\"a b\"", body);
    assert_eq!(found, Ok(vec![("n".to_owned(), None, b"1".to_vec())]));
}

#[test]
fn broken_bodies_say_what_is_wrong() {
    refused("", "its boundary does not occur");
    refused("--b", "it ends after a boundary");
    refused("--b\r\n\r\n1\r\n--b--", "a part has no content-disposition");
    refused("--b\r\ncontent-disposition: form-data\r\n\r\n1\r\n--b--", "a part has no name");
    let part = "--b\r\ncontent-disposition: form-data; name=n\r\n\r\n1";
    refused(part, "it ends within a part");
    refused(&format!("{part}\r\n").repeat(MAX_PARTS + 1), "it has more than 64 parts");
    let long = format!("--b\r\nx: {}\r\n\r\n\r\n--b--", "x".repeat(MAX_PART_HEAD_BYTES));
    refused(&long, "a part's headers do not end in 8192 bytes");
}

#[test]
fn json_gives_the_same_fields() {
    let body = br#"{"prompt":"a river","seconds":4,"list":["x","y"],"object":{"a":1},"no":null}"#;
    let form = Form::parse(&headers("application/json"), body).unwrap();
    assert_eq!(form.required("prompt"), Ok("a river"));
    assert_eq!(form.number("seconds", 1..=9), Ok(Some(4)));
    assert_eq!(form.texts("list").collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(form.text("object"), Ok(Some(r#"{"a":1}"#)));
    assert_eq!(form.required("no"), Err(FieldError::Missing("no")));
}

#[test]
fn values_that_are_not_allowed_name_their_field() {
    let body = br#"{"size":"big","n":"0","stream":"maybe"}"#;
    let form = Form::parse(&headers("application/json"), body).unwrap();
    let message = |error: FieldError| error.to_string();
    assert_eq!(
        message(form.one_of("size", &["small", "large"]).unwrap_err()),
        "invalid value for 'size': expected one of small, large, got 'big'"
    );
    assert_eq!(
        message(form.number("n", 1..=10).unwrap_err()),
        "invalid value for 'n': expected an integer from 1 to 10, got '0'"
    );
    assert_eq!(
        message(form.flag("stream").unwrap_err()),
        "invalid value for 'stream': expected true or false, got 'maybe'"
    );
}

#[test]
fn another_type_is_refused() {
    let problem = Form::parse(&headers("text/plain"), b"").unwrap_err();
    assert_eq!(problem.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(Form::parse(&headers("multipart/form-data"), b"").is_err());
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in any::<Vec<u8>>(), kind in "(b|--b|\r\n--b|\r\n\r\n|: |name=){0,9}") {
        let mut text = b"--b\r\n".to_vec();
        text.extend_from_slice(kind.as_bytes());
        text.extend_from_slice(&body);
        let _ = fields("multipart/form-data; boundary=b", &text);
        let _ = fields("application/json", &body);
    }

    #[test]
    fn any_data_comes_out_as_it_went_in(data in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assume!(memmem::find(&data, b"\r\n--b").is_none());
        let mut body = b"--b\r\ncontent-disposition: form-data; name=n\r\n\r\n".to_vec();
        body.extend_from_slice(&data);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let found = fields("multipart/form-data; boundary=b", &body).unwrap();
        prop_assert_eq!(found, vec![("n".to_owned(), None, data)]);
    }
}
