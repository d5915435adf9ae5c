//! What the page says, that nothing of a district's lists is taken for markup, and that charts hold whatever the numbers.

use jiff::civil::date;
use pingan_domain::briefing::{Audience, Course, CourseStep, Language, Period, Step};
use proptest::prelude::*;

use crate::{POLICY, chart, json, page};

#[path = "../examples/render_briefing/sample.rs"]
mod sample;

/// The page as somebody reads it: a line for each row, heading and paragraph.
fn read(html: &str) -> String {
    let body = html.split("<body>").nth(1).unwrap();
    let mut text = body.to_owned();
    for (tag, instead) in [
        ("<h1>", "\n# "),
        ("<h2 ", "\n\n## <"),
        ("<h3>", "\n\n### "),
        ("</th>", " | "),
        ("</td>", " | "),
        ("</tr>", "\n"),
        ("</p>", "\n"),
        ("</li>", "\n"),
        ("</h1>", "\n"),
        ("</h2>", "\n"),
        ("</h3>", "\n"),
        ("</span><span", "  </span><span"),
        ("<title>", "["),
        ("</title>", "] "),
        ("<text", " <text"),
    ] {
        text = text.replace(tag, instead);
    }
    let mut inside = false;
    let plain: String = text
        .chars()
        .filter(|c| {
            inside = match c {
                '<' => true,
                '>' => {
                    inside = false;
                    return false;
                }
                _ => inside,
            };
            !inside
        })
        .collect();
    let mut lines: Vec<&str> = plain.lines().map(|line| line.trim_end_matches([' ', '|']).trim()).collect();
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    lines.join("\n")
}

#[test]
fn a_week_in_chinese() {
    insta::assert_snapshot!(read(&page(&sample::week(Audience::District).unwrap(), Language::Chinese).unwrap()));
}

#[test]
fn a_week_in_english() {
    insta::assert_snapshot!(read(&page(&sample::week(Audience::District).unwrap(), Language::English).unwrap()));
}

#[test]
fn nothing_has_happened() {
    insta::assert_snapshot!(read(&page(&sample::empty().unwrap(), Language::English).unwrap()));
}

#[test]
fn a_week_for_programs() {
    let json = json(&sample::week(Audience::District).unwrap()).unwrap();
    insta::assert_snapshot!(String::from_utf8(json).unwrap());
}

#[test]
fn the_json_reads_back() {
    for briefing in [sample::week(Audience::Stations).unwrap(), sample::year().unwrap(), sample::empty().unwrap()] {
        let read: pingan_domain::briefing::Briefing = serde_json::from_slice(&json(&briefing).unwrap()).unwrap();
        assert_eq!(read, briefing);
    }
}

#[test]
fn stations_learn_neither_of_each_other_nor_of_what_names_them() {
    let (whole, theirs) = (sample::week(Audience::District).unwrap(), sample::week(Audience::Stations).unwrap());
    assert!(!whole.stations.is_empty() && theirs.stations.is_empty());
    let named = |briefing: &pingan_domain::briefing::Briefing| briefing.overdue.items.len();
    assert_eq!(named(&whole), named(&theirs) + 1);
    let page = page(&theirs, Language::English).unwrap();
    assert!(!page.contains("by station") && page.contains("For the managers of stations"));
}

#[test]
fn a_page_stands_for_itself_and_allows_one_style() {
    for language in [Language::Chinese, Language::English] {
        let page = page(&sample::year().unwrap(), language).unwrap();
        for word in ["<script", "<link", "<img", "<iframe", "url(", "@import", "http://", "https://", "style=", " on"] {
            // `on` at the beginning of an attribute, and not as a word of a sentence.
            let found =
                if word == " on" { page.contains(" onload") || page.contains(" onclick") } else { page.contains(word) };
            assert!(!found, "{word}");
        }
        let lang = if language == Language::Chinese { "<html lang=\"zh-CN\">" } else { "<html lang=\"en\">" };
        assert!(page.contains(lang));
        assert!(page.contains("default-src &#39;none&#39;; style-src &#39;sha256-"), "the policy names the style");
        assert!(page.contains("@page") && page.contains("<th scope=\"col\"") && page.contains("<th scope=\"row\""));
        assert!(page.contains("<desc"));
    }
    assert!(POLICY.starts_with("default-src 'none'"));
}

/// How often each character that markup is made of stands in a page.
fn markup(page: &str) -> [usize; 4] {
    ['<', '>', '"', '\''].map(|of| page.matches(of).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_of_a_name_is_markup(name in "[<>\"'&/a-z=!\\-{}% 线]{0,12}(</title>|</style>|<script>|\\{\\{|-->)?") {
        for language in [Language::Chinese, Language::English] {
            let (plain, hostile) = (sample::hostile("x").unwrap(), sample::hostile(&name).unwrap());
            prop_assert_eq!(markup(&page(&hostile, language).unwrap()), markup(&page(&plain, language).unwrap()));
        }
    }

    #[test]
    fn bars_stay_within_their_place(count: u64, most: u64) {
        let width: f64 = chart::width(count.min(most), most).parse().unwrap();
        prop_assert!((0.0..=100.0).contains(&width));
        prop_assert_eq!(width > 0.0, count.min(most) > 0);
    }

    #[test]
    fn columns_stay_within_their_place(counts in prop::collection::vec((any::<u64>(), any::<u64>()), 0..40)) {
        let day = date(2026, 11, 16);
        let steps = counts.iter().map(|(submitted, adopted)| CourseStep {
            days: Period { from: day, to: day }, submitted: *submitted, adopted: *adopted,
        });
        let course = Course { by: Step::Day, steps: steps.collect() };
        let (lines, columns) = chart::columns(&course);
        prop_assert_eq!(columns.len(), counts.len());
        prop_assert!(columns.iter().filter(|column| column.label.is_some()).count() <= 7);
        for column in &columns {
            prop_assert!(column.submitted_y >= lines[0].y && column.adopted_y >= lines[0].y);
            let right = column.second_x.parse::<f64>().unwrap() + column.width.parse::<f64>().unwrap();
            prop_assert!(column.first_x.parse::<f64>().unwrap() >= 8.0 && right <= 97.0);
        }
        for pair in columns.windows(2) {
            let right = pair[0].second_x.parse::<f64>().unwrap() + pair[0].width.parse::<f64>().unwrap();
            prop_assert!(right <= pair[1].first_x.parse::<f64>().unwrap());
        }
    }
}

#[test]
fn the_top_of_a_chart_is_a_round_number_with_a_whole_half() {
    for (most, top) in [(0, 2), (1, 2), (2, 2), (3, 4), (7, 8), (9, 10), (11, 20), (61, 80), (131_088, 200_000)] {
        assert_eq!(chart::top(most), top, "{most}");
    }
    assert_eq!(chart::top(u64::MAX), u64::MAX);
}
