//! Long texts as arguments: inline, `@file`, `-`.

use std::io::{self, Read};

use super::envelope::Problem;

/// Most bytes of a text.
const LIMIT: u64 = 1024 * 1024;

/// The text that an argument stands for: `@file` is the file's, `-` is stdin's, `@@` begins a text
/// with an `@`, and everything else is itself.
pub(super) fn read(argument: &str, name: &str) -> Result<String, Problem> {
    if argument == "-" {
        return limited(&mut io::stdin().lock(), name, "stdin");
    }
    match argument.strip_prefix('@') {
        Some(text) if text.starts_with('@') => Ok(text.to_owned()),
        Some(path) => {
            let mut file = std::fs::File::open(path)
                .map_err(|error| Problem::usage(format!("{name}: cannot read {path}: {error}")))?;
            limited(&mut file, name, path)
        }
        None => Ok(argument.to_owned()),
    }
}

fn limited(source: &mut impl Read, name: &str, path: &str) -> Result<String, Problem> {
    let mut text = String::new();
    source
        .take(LIMIT + 1)
        .read_to_string(&mut text)
        .map_err(|error| Problem::usage(format!("{name}: cannot read {path}: {error}")))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LIMIT) {
        return Err(Problem::usage(format!("{name}: {path} holds more than {LIMIT} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_inline_or_a_file_or_escaped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.txt");
        std::fs::write(&path, "from a file\n").unwrap();
        let file = format!("@{}", path.display());
        assert_eq!(read("hello", "PROMPT").unwrap(), "hello");
        assert_eq!(read(&file, "PROMPT").unwrap(), "from a file\n");
        assert_eq!(read("@@home", "PROMPT").unwrap(), "@home");
        let missing = read("@/nowhere/at/all", "PROMPT").unwrap_err();
        assert!(missing.message().starts_with("PROMPT: cannot read /nowhere/at/all"));
        assert_eq!(missing.code(), 2);
    }

    #[test]
    fn a_text_past_the_limit_is_refused() {
        let at = vec![b'a'; usize::try_from(LIMIT).unwrap()];
        assert!(limited(&mut at.as_slice(), "PROMPT", "-").is_ok());
        let over = [at, vec![b'a']].concat();
        assert!(limited(&mut over.as_slice(), "PROMPT", "-").is_err());
    }
}
