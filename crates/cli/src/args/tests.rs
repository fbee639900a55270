//! Every help ends with examples, and the program understands each of them.

use clap::{Command, CommandFactory};

use super::Cli;

/// Calls `visit` with the path of every command that people see, and its help.
fn for_each_help(command: &mut Command, parents: &str, visit: &mut dyn FnMut(&str, &str)) {
    let path = format!("{parents}{}", command.get_name());
    visit(&path, &command.render_long_help().to_string());
    for subcommand in command.get_subcommands_mut() {
        if !subcommand.is_hide_set() && subcommand.get_name() != "help" {
            for_each_help(subcommand, &format!("{path} "), visit);
        }
    }
}

fn for_each(visit: &mut dyn FnMut(&str, &str)) {
    let mut cli = Cli::command();
    cli.build();
    for_each_help(&mut cli, "", visit);
}

/// What comes behind the heading, up to the end of the help.
fn examples(help: &str) -> Option<&str> {
    help.rsplit_once("\nExamples:\n").map(|(_, examples)| examples)
}

/// The command lines of examples: those indented by two, with the lines that they go on in, and
/// without what is said about them at the right.
fn lines(examples: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in examples.lines() {
        let goes_on = lines.last().is_some_and(|line| line.ends_with('\\'));
        match (goes_on, lines.last_mut()) {
            (true, Some(last)) => {
                last.pop();
                last.push_str(line.trim());
            }
            _ if line.starts_with("   ") => {}
            _ => {
                let line = line.trim();
                lines.push(line.split_once("  ").map_or(line, |(line, _)| line).to_owned());
            }
        }
    }
    lines
}

/// The words of a line as a shell reads them, up to a redirection.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '>' | '|' if !quoted => break,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().expect("never empty").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_help_ends_with_examples() {
    let mut without = Vec::new();
    for_each(&mut |path, help| {
        let ends = examples(help).is_some_and(|it| it.lines().all(|line| line.starts_with("  ")));
        if !ends {
            without.push(path.to_owned());
        }
    });
    assert_eq!(without, Vec::<String>::new(), "these do not end with examples");
}

#[test]
fn every_example_is_a_command_that_is_understood() {
    let mut understood = 0;
    for_each(&mut |path, help| {
        for line in lines(examples(help).unwrap_or_default()) {
            let is_setting = |word: &String| word.contains('=');
            let words: Vec<String> = words(&line).into_iter().skip_while(is_setting).collect();
            if words.first().is_none_or(|word| word != "weir") {
                continue;
            }
            // A pattern stands for several files.
            let words = words.into_iter().flat_map(|word| {
                let times = if word.contains("*/") { 2 } else { 1 };
                std::iter::repeat_n(word, times)
            });
            if let Err(error) = Cli::command().try_get_matches_from(words) {
                panic!("{path}: {line}: {error}");
            }
            understood += 1;
        }
    });
    assert!(understood > 50, "only {understood} examples were found");
}
