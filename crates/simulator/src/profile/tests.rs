use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn the_contracts_profiles_are_built_in() {
    let names = Profile::built_in_names();
    for name in ["instant", "quick", "claude-sonnet-4"] {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
    assert_eq!(Profile::built_in("nothing"), None);
}

#[test]
fn presets_name_their_source_and_date() {
    for (name, profile) in Profile::all_built_in() {
        if ["instant", "quick", "claude-sonnet-4"].contains(&name.as_str()) {
            continue;
        }
        assert!(!profile.source.is_empty() && !profile.date.is_empty(), "{name}");
        assert!(profile.description.contains("unverified"), "{name}");
        assert!(name.ends_with(&profile.date), "{name} ends with {}", profile.date);
    }
}

#[test]
fn load_counts_from_the_first_stream_beyond_the_free_ones() {
    let load = Load { free_streams: 2, growth_per_stream: Amount(0.5) };
    for (active, factor) in [(0, 1.0), (2, 1.0), (3, 1.5), (6, 3.0)] {
        assert!((load.factor(active) - factor).abs() < 1e-9, "{active}");
    }
}

#[test]
fn errors_show_the_line_and_what_is_known() {
    let valid = "ttft = \"1s\"\ngap = \"1ms\"\nevents = 3\n";
    let mut text = String::new();
    for (find, replace) in [
        ("ttft = \"1s\"\n", ""),
        ("ttft = \"1s\"", "ttft = 5"),
        ("ttft = \"1s\"", "ttft = \"soon\""),
        ("ttft = \"1s\"", "ttft = \"2h\""),
        ("ttft = \"1s\"", "ttft = { distribution = \"zipf\" }"),
        ("ttft = \"1s\"", "ttft = { distribution = \"uniform\", min = \"1s\" }"),
        ("ttft = \"1s\"", "ttft = { distribution = \"uniform\", min = \"2s\", max = \"1s\" }"),
        ("ttft = \"1s\"", "ttft = { distribution = \"gamma\", mean = \"1s\", cv = 0.0 }"),
        ("ttft = \"1s\"", "ttft = { distribution = \"gamma\", mean = \"1s\", cv = 1, min = 3 }"),
        ("ttft = \"1s\"", "ttft = { distribution = \"empirical\", values = [] }"),
        ("events = 3", "events = \"3\""),
        ("events = 3", "events = -3"),
        ("events = 3", "events = 3\nevent = 4"),
        ("gap = \"1ms\"", "gap = \"1ms"),
    ] {
        let toml = valid.replace(find, replace);
        let error = Profile::from_toml("mine.toml", &toml).unwrap_err();
        writeln!(text, "{error}\n").unwrap();
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("errors", text);
    });
}

fn any_delay() -> impl Strategy<Value = Delay> {
    (0u64..3_600_000_000).prop_map(|micros| Delay(Duration::from_micros(micros)))
}

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        (0u32..=100_000).prop_map(|count| Amount(f64::from(count))),
        (0.0f64..100_000.0).prop_map(Amount),
    ]
}

fn any_distribution<Q: quantity::Quantity + std::fmt::Debug + 'static>(
    value: fn() -> BoxedStrategy<Q>,
) -> impl Strategy<Value = Distribution<Q>> {
    let above_zero = || value().prop_filter("above zero", |value| value.number() > 0.0);
    let ratio = || 0.001f64..1000.0;
    prop_oneof![
        value().prop_map(Distribution::Constant),
        (value(), value()).prop_map(|(one, other)| {
            let (min, max) =
                if one.number() <= other.number() { (one, other) } else { (other, one) };
            Distribution::Uniform { min, max }
        }),
        (value(), value()).prop_map(|(mean, deviation)| Distribution::Normal { mean, deviation }),
        (above_zero(), ratio())
            .prop_map(|(median, sigma)| Distribution::Lognormal { median, sigma }),
        (above_zero(), ratio()).prop_map(|(mean, cv)| Distribution::Gamma { mean, cv }),
        (above_zero(), ratio()).prop_map(|(scale, shape)| Distribution::Weibull { scale, shape }),
        prop::collection::vec(value(), 1..6).prop_map(|values| Distribution::Empirical { values }),
    ]
}

prop_compose! {
    fn any_profile()(
        description in "[ -~]{0,20}",
        source in "[a-z\"\\\\é]{0,9}",
        ttft in any_distribution(|| any_delay().boxed()),
        gap in any_distribution(|| any_delay().boxed()),
        events in any_distribution(|| any_amount().boxed()),
        chars_per_event in any_distribution(|| any_amount().boxed()),
        tick in prop::option::of(any_delay()),
        load in prop::option::of((any::<u32>(), any_amount())),
    ) -> Profile {
        let load = load.map(|(free_streams, growth_per_stream)| {
            Load { free_streams, growth_per_stream }
        });
        let date = String::new();
        Profile { description, source, date, ttft, gap, events, chars_per_event, tick, load }
    }
}

proptest! {
    #[test]
    fn any_profile_reads_back_from_its_toml(profile in any_profile()) {
        let toml = profile.to_toml();
        prop_assert_eq!(Profile::from_toml("test", &toml).unwrap(), profile, "{}", toml);
    }

    #[test]
    fn whatever_is_drawn_stays_within_bounds(
        distribution in any_distribution(|| any_delay().boxed()),
        seed in any::<u64>(),
    ) {
        use rand::SeedableRng as _;
        let mut generator = rand_pcg::Pcg64::seed_from_u64(seed);
        for _ in 0..20 {
            let seconds = distribution.sample(&mut generator);
            prop_assert!((0.0..=3600.0).contains(&seconds), "{seconds}");
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = Profile::from_toml("test", &text);
    }
}

#[test]
fn a_constant_course_is_known_and_a_drawn_one_is_not() {
    let course = |toml: &str| Profile::from_toml("test", toml).unwrap().constant_course();
    let millis = Duration::from_millis;
    let rest = "gap = '140ms'\nevents = 40\n";
    assert_eq!(course(&format!("ttft = '1100ms'\n{rest}")), Some((millis(1100), millis(140))));
    assert_eq!(
        course(&format!("ttft = '1100ms'\ntick = '50ms'\n{rest}")),
        Some((millis(1100), millis(150)))
    );
    let drawn = "ttft = { distribution = 'uniform', min = '1s', max = '2s' }\n";
    assert_eq!(course(&format!("{drawn}{rest}")), None);
}

#[test]
fn the_longest_answer_is_known_where_the_profile_bounds_it() {
    let longest = |name: &str| Profile::built_in(name).unwrap().longest_answer();
    assert_eq!(longest("quick"), Some(Duration::from_millis(1_100 + 39 * 140)));
    assert_eq!(longest("claude-sonnet-4"), Some(Duration::from_millis(1_100 + 299 * 140)));
    assert_eq!(longest("claude-sonnet-4-2025-09"), None, "its delays are drawn");
}
