use std::fmt::Write as _;

use proptest::prelude::*;
use wire::text::{Verified, Verifier};

use super::*;

fn profile(toml: &str) -> Arc<Profile> {
    Arc::new(Profile::from_toml("test", toml).unwrap())
}

/// Runs a script: its events with their times.
fn play(mut script: Script) -> Vec<(Duration, String)> {
    let mut events = Vec::new();
    while let Some(due) = script.due() {
        let mut piece = String::new();
        script.write_next(1.0, &mut piece);
        events.push((due, piece));
    }
    events
}

/// A script in lines of time and text, under its outline.
fn check(name: &str, toml: &str, limit: Option<u32>, content: Content) {
    let script = Script::new(profile(toml), Seed::pinned(42), limit, content, 1.0);
    let mut text = format!("{:?}\n", script.outline());
    for (due, piece) in play(script) {
        writeln!(text, "{:>12.3} {piece:?}", due.as_secs_f64() * 1000.0).unwrap();
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

const EXACT: &str = "ttft = \"1100ms\"\ngap = \"140ms\"\nevents = 20\nchars_per_event = 7.69";

const RANDOM: &str = r#"
    ttft = { distribution = "lognormal", median = "1s", sigma = 0.35 }
    gap = { distribution = "gamma", mean = "50ms", cv = 0.5 }
    events = { distribution = "uniform", min = 5, max = 30 }
    chars_per_event = { distribution = "normal", mean = 6, deviation = 3 }
"#;

#[test]
fn scripts_are_pinned() {
    check("exact", EXACT, None, Content::Text);
    check("random", RANDOM, None, Content::Text);
    check("limited", EXACT, Some(3), Content::Text);
    check("limited_to_one", EXACT, Some(1), Content::Text);
    let json = |roomy| Content::Json { before: "{\"a\":\"".into(), after: "\"}".into(), roomy };
    check("json_with_room", EXACT, Some(4), json(true));
    check("json_without_room", EXACT, None, json(false));
}

#[test]
fn every_distribution_draws_its_pinned_numbers() {
    let mut text = String::new();
    for gap in [
        r#"{ distribution = "constant", value = "5ms" }"#,
        r#"{ distribution = "uniform", min = "1ms", max = "9ms" }"#,
        r#"{ distribution = "normal", mean = "5ms", deviation = "2ms" }"#,
        r#"{ distribution = "lognormal", median = "5ms", sigma = 0.5 }"#,
        r#"{ distribution = "gamma", mean = "5ms", cv = 0.5 }"#,
        r#"{ distribution = "weibull", scale = "5ms", shape = 1.5 }"#,
        r#"{ distribution = "empirical", values = ["1ms", "7ms", "2ms"] }"#,
    ] {
        let profile = profile(&format!("ttft = \"0s\"\ngap = {gap}\nevents = 8"));
        let events = play(Script::new(profile, Seed::pinned(1), None, Content::Text, 1.0));
        let times: Vec<u128> = events.iter().map(|(due, _)| due.as_nanos()).collect();
        writeln!(text, "{gap}\n  {times:?}").unwrap();
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("distributions", text);
    });
}

/// The report that the profile repeats: uniform 100..=300 events of 7.69 characters, the first
/// after 1100 ms and one each 140 ms.
#[test]
fn the_seed_reports_profile_comes_out_as_worked_out() {
    let profile = Arc::new(Profile::built_in("claude-sonnet-4").unwrap());
    let outlines: Vec<Outline> = (0..20_000)
        .map(|seed| {
            Script::new(Arc::clone(&profile), Seed::pinned(seed), None, Content::Text, 1.0)
                .outline()
        })
        .collect();
    let mean =
        |value: fn(&Outline) -> f64| outlines.iter().map(value).sum::<f64>() / f64::from(20_000u32);
    let events = mean(|outline| f64::from(outline.events));
    assert!((events - 200.0).abs() < 1.5, "{events} events");
    let characters = mean(|outline| f64::from(outline.characters));
    assert!((characters / events - 7.69).abs() < 0.01, "{} a piece", characters / events);
    assert!((1500.0..1580.0).contains(&characters), "{characters} characters");
    // 1.1 s and 199 gaps on average; 29.3 s were worked out with the 201.5 events counted there.
    let total = mean(|outline| outline.ideal.as_secs_f64());
    assert!((total - 28.96).abs() < 0.25, "{total} s");
    let mut totals: Vec<Duration> = outlines.iter().map(|outline| outline.ideal).collect();
    totals.sort_unstable();
    let p95 = totals[totals.len() * 95 / 100].as_secs_f64();
    assert!((41.0..42.5).contains(&p95), "{p95} s");
    for outline in &outlines {
        assert!((100..=300).contains(&outline.events));
        let gaps = outline.events - 1;
        assert_eq!(outline.ideal, Duration::from_millis(1100) + gaps * Duration::from_millis(140));
    }
    for edge in [100, 300] {
        assert!(outlines.iter().any(|outline| outline.events == edge), "{edge} is possible");
    }
}

#[test]
fn a_script_is_small() {
    assert!(size_of::<Script>() <= 352, "{} bytes", size_of::<Script>());
}

proptest! {
    #[test]
    fn pieces_add_up_to_the_content_at_the_announced_time(
        seed in any::<u64>(),
        limit in prop::option::of(1u32..60),
        chars in 0.5f64..20.0,
        load in 1.0f64..3.0,
    ) {
        let profile = profile(&format!("{RANDOM}\ntick = \"1ms\"").replace(
            r#"{ distribution = "normal", mean = 6, deviation = 3 }"#,
            &chars.to_string(),
        ));
        let script = |load| {
            Script::new(Arc::clone(&profile), Seed::pinned(seed), limit, Content::Text, load)
        };
        let events = play(script(1.0));
        prop_assert_eq!(&events, &play(script(1.0)));
        let outline = script(1.0).outline();
        prop_assert_eq!(events.len(), usize::try_from(outline.events).unwrap());
        prop_assert_eq!(events.last().unwrap().0, outline.ideal);
        prop_assert!(events.iter().all(|(_, piece)| !piece.is_empty()));
        let text: String = events.iter().map(|(_, piece)| piece.as_str()).collect();
        prop_assert_eq!(&text, &script(1.0).content());
        let mut verifier = Verifier::default();
        events.iter().for_each(|(_, piece)| verifier.push(piece.as_bytes()));
        prop_assert_eq!(verifier.verdict(), Verified::Correct);
        // Load changes times only.
        prop_assert_eq!(script(load).outline(), outline);
        prop_assert_eq!(text, script(load).content());
    }
}
