//! Licences of everything that ends up in the program or its tests, against the list of `deny.toml`.

use std::fs;

use anyhow::{Context, Result, bail};

use super::manifests::Workspace;
use crate::repository;

/// The licence of this project, as its manifests must say it.
pub(super) const OWN: &str = "MIT OR Apache-2.0";

/// The texts of it.
const TEXTS: [(&str, &str); 2] =
    [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")];

/// What `deny.toml` allows.
struct Allowed {
    /// For every crate.
    everywhere: Vec<String>,
    /// For one crate, by its name.
    exceptions: Vec<(String, Vec<String>)>,
}

/// Checks the licence of every package, and that our own texts are here.
///
/// # Errors
/// When `deny.toml` cannot be read.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let text = fs::read_to_string(repository::root().join("deny.toml"))
        .context("cannot read deny.toml")?;
    let allowed = Allowed::read(&text)?;
    let mut complaints = Vec::new();
    for (file, opening) in TEXTS {
        let text = fs::read_to_string(repository::root().join(file)).unwrap_or_default();
        if !text.trim_start().starts_with(opening) {
            complaints.push(format!("{file} does not hold the text of the {opening}"));
        }
    }
    for package in workspace.packages.values() {
        let about = format!("`{} {}`", package.name, package.version);
        match &package.licence {
            None => complaints.push(format!("{about} names no licence")),
            Some(licence) if !allowed.permits(&package.name, licence)? => {
                complaints
                    .push(format!("{about} is under {licence}, which deny.toml does not allow"));
            }
            Some(_) => {}
        }
    }
    Ok(complaints)
}

impl Allowed {
    fn read(text: &str) -> Result<Self> {
        let file: toml::Table = text.parse().context("deny.toml")?;
        let licences = file.get("licenses").and_then(toml::Value::as_table);
        let licences = licences.context("deny.toml has no [licenses]")?;
        let everywhere = names(licences.get("allow").context("[licenses] has no `allow`")?);
        let exceptions = licences.get("exceptions").and_then(toml::Value::as_array);
        let exceptions = exceptions.into_iter().flatten().filter_map(|exception| {
            // cargo-deny's own word for the crate is `crate`, and it knows `name` too.
            let name = exception.get("crate").or_else(|| exception.get("name"))?.as_str()?;
            Some((name.to_owned(), names(exception.get("allow")?)))
        });
        Ok(Self { everywhere, exceptions: exceptions.collect() })
    }

    fn permits(&self, package: &str, expression: &str) -> Result<bool> {
        let exceptions = self.exceptions.iter().filter(|(name, _)| name == package);
        let special: Vec<&String> = exceptions.flat_map(|(_, licences)| licences).collect();
        satisfied(expression, &|licence| {
            self.everywhere.iter().chain(special.iter().copied()).any(|it| it == licence)
        })
    }
}

fn names(value: &toml::Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be satisfied by allowed licences alone.
///
/// `/` between two licences is cargo's old way to write `OR`. A `WITH` exception only adds
/// permissions, so that `X WITH Y` is allowed where `X` is, or where it is listed as a whole.
///
/// # Errors
/// When the expression cannot be understood.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let satisfied = parser.any().with_context(|| format!("licence {expression:?}"))?;
    match parser.words {
        [] => Ok(satisfied),
        [word, ..] => bail!("licence {expression:?}: unexpected `{word}`"),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    /// `all OR all OR …`
    fn any(&mut self) -> Result<bool> {
        let mut satisfied = self.all()?;
        while self.skip("OR") {
            satisfied |= self.all()?;
        }
        Ok(satisfied)
    }

    /// `one AND one AND …`
    fn all(&mut self) -> Result<bool> {
        let mut satisfied = self.one()?;
        while self.skip("AND") {
            satisfied &= self.one()?;
        }
        Ok(satisfied)
    }

    fn one(&mut self) -> Result<bool> {
        if self.skip("(") {
            let satisfied = self.any()?;
            if !self.skip(")") {
                bail!("a parenthesis is not closed");
            }
            return Ok(satisfied);
        }
        let licence = self.word()?;
        if self.skip("WITH") {
            let exception = self.word()?;
            return Ok(
                (self.allowed)(licence) || (self.allowed)(&format!("{licence} WITH {exception}"))
            );
        }
        Ok((self.allowed)(licence))
    }

    fn word(&mut self) -> Result<&'a str> {
        match self.words {
            [word, rest @ ..] if !["OR", "AND", "WITH", "(", ")"].contains(word) => {
                self.words = rest;
                Ok(word)
            }
            _ => bail!("a licence is missing"),
        }
    }

    fn skip(&mut self, expected: &str) -> bool {
        match self.words {
            [word, rest @ ..] if *word == expected => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: bool) {
        let allowed = |licence: &str| ["MIT", "ISC", "Apache-2.0"].contains(&licence);
        assert_eq!(satisfied(expression, &allowed).unwrap(), expected, "{expression}");
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        check("MIT", true);
        check("GPL-3.0 OR MIT", true);
        check("GPL-3.0/MIT", true);
        check("Apache-2.0 / MIT", true);
        check("GPL-3.0 OR MPL-2.0", false);
    }

    #[test]
    fn every_part_must_be_allowed() {
        check("MIT AND ISC", true);
        check("MIT AND GPL-3.0", false);
        check("ISC AND (GPL-3.0 OR MIT)", true);
        check("(MIT OR Apache-2.0) AND Unicode-3.0", false);
    }

    #[test]
    fn and_binds_more_closely_than_or() {
        check("MIT OR GPL-3.0 AND GPL-2.0", true);
        check("GPL-3.0 AND MIT OR GPL-2.0", false);
    }

    #[test]
    fn an_exception_only_adds_permissions() {
        check("Apache-2.0 WITH LLVM-exception", true);
        check("GPL-2.0 WITH Classpath-exception-2.0", false);
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        for expression in ["", "MIT OR", "(MIT", "MIT ISC", "MIT)", "WITH"] {
            assert!(satisfied(expression, &|_| true).is_err(), "{expression}");
        }
    }

    #[test]
    fn an_exception_of_deny_toml_is_for_one_crate() {
        let text = "[licenses]\nallow = ['MIT']\n\
                    exceptions = [{ crate = 'symphonia', allow = ['MPL-2.0'] }]";
        let allowed = Allowed::read(text).unwrap();
        assert!(allowed.permits("symphonia", "MPL-2.0").unwrap());
        assert!(!allowed.permits("other", "MPL-2.0").unwrap());
    }
}
