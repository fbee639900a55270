//! Values that must not be shown: keys and header values.

pub use runtime::secret::{REDACTED, Secret};

/// The command line as a run's file may hold it: values of `--header` and user information in
/// URLs are replaced. Keys are given by the name of a variable and need no hiding.
#[must_use]
pub fn redact_command_line(arguments: &[String]) -> Vec<String> {
    let mut after_header = false;
    arguments
        .iter()
        .map(|argument| {
            let is_value = std::mem::replace(&mut after_header, argument == "--header");
            if is_value {
                redact_header(argument)
            } else if let Some(header) = argument.strip_prefix("--header=") {
                format!("--header={}", redact_header(header))
            } else {
                redact_user(argument)
            }
        })
        .collect()
}

/// `K: [redacted]`, except for names that never hold a secret.
fn redact_header(header: &str) -> String {
    const HARMLESS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];
    match header.split_once(':') {
        Some((name, _)) if HARMLESS.contains(&name.trim().to_ascii_lowercase().as_str()) => {
            header.to_owned()
        }
        Some((name, _)) => format!("{name}: {REDACTED}"),
        None => REDACTED.to_owned(),
    }
}

/// `https://[redacted]@host/` and `https://host/?[redacted]` for a URL with user or query.
fn redact_user(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else { return argument.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{REDACTED}@{host}"),
        None => authority.to_owned(),
    };
    let path = match path.split_once('?') {
        Some((path, _)) => format!("{path}?{REDACTED}"),
        None => path.to_owned(),
    };
    format!("{scheme}://{authority}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: &[&str]) {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(redact_command_line(&arguments), expected);
    }

    #[test]
    fn headers_lose_their_values_in_both_spellings() {
        check(
            &[
                "weir",
                "--header",
                "Authorization: Bearer x",
                "--header=X-Api-Key: y",
                "--seed",
                "1",
            ],
            &[
                "weir",
                "--header",
                "Authorization: [redacted]",
                "--header=X-Api-Key: [redacted]",
                "--seed",
                "1",
            ],
        );
        check(&["--header", "Accept: text/plain"], &["--header", "Accept: text/plain"]);
        check(&["--header", "sk-without-a-name"], &["--header", "[redacted]"]);
    }

    #[test]
    fn urls_lose_user_information_and_query() {
        check(&["https://me:pw@host:1/v1?key=x"], &["https://[redacted]@host:1/v1?[redacted]"]);
        check(&["http://host/v1/messages"], &["http://host/v1/messages"]);
        check(&["https://host?key=x"], &["https://host?[redacted]"]);
    }
}
