//! The figures as tables, and whether the goals hold.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{
    candidate::{Candidate, Kind},
    figures::Figures,
};

/// What has to hold of every function.
const MAX_COLD_TO_HELLO: f64 = 3.5;
const MAX_COLD_TO_PYTHON: f64 = 0.05;
const MAX_COLD_TO_NODE: f64 = 0.08;
const MAX_INSTRUCTIONS_TO_BARE: f64 = 1.25;
const MAX_WARM_TO_PYTHON: f64 = 0.35;
const MAX_PEAK_MB: f64 = 20.0;
const MAX_PACKAGE_MB: f64 = 4.0;

/// All tables, as Markdown. `packages` are those of the functions that nobody waits for.
pub(super) fn tables(
    candidates: &[Candidate],
    packages: &[(String, Figures)],
    figures: &BTreeMap<String, Figures>,
) -> String {
    let mut text = String::new();
    text.push_str(
        "| candidate | operation | cold start ms | × hello | CPU ms | warm CPU µs | time µs | instructions | × bare | peak MB | program MB | zip MB |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let of = |name: &str| figures.get(name);
    let hello = of("hello-world").and_then(cold);
    for candidate in candidates {
        let Some(measured) = of(&candidate.name) else { continue };
        let bare = of(&bare_of(candidate)).and_then(|bare| bare.instructions);
        let cells = [
            candidate.name.clone(),
            if candidate.kind == Kind::Hello { "–".to_owned() } else { candidate.call.operation.to_owned() },
            shown(cold(measured).map(milliseconds), 1),
            shown(ratio(cold(measured), hello), 2),
            shown(measured.median_of(|start| start.cpu).map(milliseconds), 1),
            shown(measured.warm.map(|warm| milliseconds(warm.cpu) * 1_000.0), 0),
            shown(measured.warm.map(|warm| milliseconds(warm.wall) * 1_000.0), 0),
            measured.instructions.map_or_else(|| "–".to_owned(), |count| count.to_string()),
            match candidate.kind {
                Kind::Function => shown(times(measured.instructions, bare), 2),
                _ => "–".to_owned(),
            },
            shown(peak(measured), 1),
            shown(Some(megabytes(measured.program_bytes)), 1),
            shown(Some(megabytes(measured.package_bytes)), 2),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    if !packages.is_empty() {
        text.push_str("\n| function that nobody waits for | program MB | zip MB |\n|---|--:|--:|\n");
    }
    for (name, package) in packages {
        let (program, zip) = (megabytes(package.program_bytes), megabytes(package.package_bytes));
        let _ = writeln!(text, "| {name} | {program:.1} | {zip:.2} |");
    }
    text.push_str("\n| goal | worst | by | |\n|---|--:|---|---|\n");
    for goal in goals(candidates, packages, figures) {
        let Goal { name, limit, worst, .. } = &goal;
        let (figure, by) =
            worst.as_ref().map_or(("–".to_owned(), "not measured"), |(figure, by)| (format!("{figure:.3}"), by));
        let _ = writeln!(text, "| {name} ≤ {limit} | {figure} | {by} | {} |", goal.verdict());
    }
    text
}

/// A goal, and the function that is farthest from it.
#[derive(Debug, Clone, PartialEq)]
struct Goal {
    name: &'static str,
    limit: f64,
    worst: Option<(f64, String)>,
}

impl Goal {
    fn verdict(&self) -> &'static str {
        match &self.worst {
            None => "not measured",
            Some((figure, _)) if *figure <= self.limit => "holds",
            Some(_) => "missed",
        }
    }
}

fn goals(candidates: &[Candidate], packages: &[(String, Figures)], figures: &BTreeMap<String, Figures>) -> Vec<Goal> {
    let of = |name: &str| figures.get(name);
    let functions = || candidates.iter().filter(|candidate| candidate.kind == Kind::Function);
    let worst = |name, limit, figure: &dyn Fn(&Candidate, &Figures) -> Option<f64>| Goal {
        name,
        limit,
        worst: functions()
            .filter_map(|candidate| Some((figure(candidate, of(&candidate.name)?)?, candidate.name.clone())))
            .max_by(|one, other| one.0.total_cmp(&other.0)),
    };
    // The peers do the submission, so that it alone is compared with them.
    let submission = |candidate: &Candidate| (candidate.name == "submission").then_some(());
    vec![
        worst("cold start × hello-world", MAX_COLD_TO_HELLO, &|_, measured| {
            ratio(cold(measured), of("hello-world").and_then(cold))
        }),
        worst("cold start of the submission × Python", MAX_COLD_TO_PYTHON, &|candidate, measured| {
            submission(candidate).and_then(|()| ratio(cold(measured), of("Python").and_then(cold)))
        }),
        worst("cold start of the submission × Node", MAX_COLD_TO_NODE, &|candidate, measured| {
            submission(candidate).and_then(|()| ratio(cold(measured), of("Node").and_then(cold)))
        }),
        worst(
            "warm instructions × bare SDK calls in a hello-world",
            MAX_INSTRUCTIONS_TO_BARE,
            &|candidate, measured| times(measured.instructions, of(&bare_of(candidate))?.instructions),
        ),
        worst("warm CPU of the submission × Python", MAX_WARM_TO_PYTHON, &|candidate, measured| {
            let python = of("Python")?.warm?.cpu;
            submission(candidate).and_then(|()| ratio(measured.warm.map(|warm| warm.cpu), Some(python)))
        }),
        worst("peak memory, MB", MAX_PEAK_MB, &|_, measured| peak(measured)),
        Goal {
            name: "zip, MB",
            limit: MAX_PACKAGE_MB,
            worst: functions()
                .filter_map(|candidate| Some((&candidate.name, of(&candidate.name)?)))
                .chain(packages.iter().map(|(name, package)| (name, package)))
                .map(|(name, figures)| (megabytes(figures.package_bytes), name.clone()))
                .max_by(|one, other| one.0.total_cmp(&other.0)),
        },
    ]
}

fn bare_of(candidate: &Candidate) -> String {
    format!("bare calls of {}", candidate.call.function)
}

fn cold(figures: &Figures) -> Option<Duration> {
    figures.median_of(|start| start.wall)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "a size in megabytes is shown to a hundredth")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

fn peak(figures: &Figures) -> Option<f64> {
    figures.peak_kib().map(|kib| megabytes(kib * 1_024))
}

fn ratio(one: Option<Duration>, other: Option<Duration>) -> Option<f64> {
    Some(one?.div_duration_f64(other?))
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is shown to a hundredth")]
fn times(one: Option<u64>, other: Option<u64>) -> Option<f64> {
    Some(one? as f64 / other? as f64)
}

fn shown(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::functions::{figures::Start, scenario::Call};

    fn candidate(name: &str, kind: Kind) -> Candidate {
        Candidate {
            name: name.to_owned(),
            kind,
            program: PathBuf::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            call: Call {
                function: "submission".to_owned(),
                operation: "POST /reports",
                event: bytes(),
                recorded: Vec::new(),
                signed: None,
            },
            contents: PathBuf::new(),
            package: PathBuf::new(),
        }
    }

    fn bytes() -> axum::body::Bytes {
        axum::body::Bytes::new()
    }

    fn measured(cold_ms: u64, instructions: u64) -> Figures {
        let start = Start { wall: Duration::from_millis(cold_ms), cpu: Duration::ZERO, peak_kib: 1_000 };
        Figures {
            starts: vec![start],
            instructions: Some(instructions),
            package_bytes: 4_000_001,
            ..Figures::default()
        }
    }

    #[test]
    fn goals_are_held_to_the_function_that_is_farthest_from_them() {
        let candidates = [
            candidate("hello-world", Kind::Hello),
            candidate("submission", Kind::Function),
            candidate("bare calls of submission", Kind::Bare),
            candidate("Python", Kind::Peer),
        ];
        let figures = [
            ("hello-world", measured(4, 10)),
            ("submission", measured(12, 125)),
            ("bare calls of submission", measured(10, 100)),
            ("Python", measured(200, 9_999)),
        ];
        let figures = figures.into_iter().map(|(name, figures)| (name.to_owned(), figures)).collect();
        let large = Figures { program_bytes: 9_960_000, package_bytes: 4_500_000, ..Figures::default() };
        let packages = [("media-intake".to_owned(), large)];
        let goals = goals(&candidates, &packages, &figures);
        let shown: Vec<_> =
            goals.iter().map(|goal| (goal.verdict(), goal.worst.as_ref().map(|worst| worst.0))).collect();
        assert_eq!(shown[0], ("holds", Some(3.0)));
        assert_eq!(shown[1], ("missed", Some(0.06)));
        assert_eq!(shown[2], ("not measured", None), "there is no Node");
        assert_eq!(shown[3], ("holds", Some(1.25)));
        assert_eq!(shown[4], ("not measured", None), "nothing was warm");
        assert_eq!(shown[5], ("holds", Some(1.024)));
        assert_eq!(shown[6], ("missed", Some(4.5)), "every function is packed");
        let text = tables(&candidates, &packages, &figures);
        assert!(text.contains("| media-intake | 10.0 | 4.50 |"), "{text}");
        assert!(text.contains("| submission | POST /reports | 12.0 | 3.00 |"), "{text}");
        assert!(
            text.contains("| bare calls of submission | POST /reports | 10.0 | 2.50 | 0.0 | – | – | 100 | – |"),
            "{text}"
        );
    }
}
