//! Which kind of key a partition key is: with what differs from one to the next as a word.

/// What stands in keys and is the same everywhere.
const WORDS: [&str; 16] = [
    "officer",
    "station",
    "district",
    "report",
    "reports",
    "grades",
    "outcome",
    "outcomes",
    "reward",
    "tasks",
    "reviewers",
    "staff",
    "agency",
    "reporters",
    "member",
    "payouts",
];
/// Keys under which a person stands.
const PEOPLE: [&str; 7] = ["MEMBER", "IDENTITY", "REPORTER", "REWARDED", "RECEIPTS", "ANSWER", "POINTS"];

/// The kind of a partition key: `QUEUE#<community>#officer`.
pub fn of(pk: &str) -> String {
    let mut segments = pk.split('#');
    let first = segments.next().unwrap_or_default();
    let mut shape = first.to_owned();
    let mut before = first;
    for (place, segment) in segments.enumerate() {
        shape.push('#');
        shape.push_str(part(first, before, place, segment));
        before = segment;
    }
    shape
}

fn part<'a>(first: &str, before: &str, place: usize, segment: &'a str) -> &'a str {
    let is_name = segment.starts_with(|c: char| c.is_ascii_lowercase())
        && segment.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '-' | '_'));
    let of_a_system = matches!(first, "WEBHOOK" | "DELIVERIES") && place == 1;
    if (place == 0 && PEOPLE.contains(&first)) || before == "member" {
        "<member>"
    } else if before == "agency" || of_a_system {
        "<agency>"
    } else if WORDS.contains(&segment) {
        segment
    } else if first == "DUE" {
        "<shard>"
    } else if first == "FUND" && place == 1 {
        "<year>"
    } else if before == "staff" {
        "<role>"
    } else if matches!(first, "KIND" | "STATE" | "PAYOUTS" | "BATCHES") && place == 1 {
        "<state>"
    } else if is_name {
        match segment.matches('.').count() {
            0 => "<district>",
            1 => "<station>",
            _ => "<community>",
        }
    } else {
        "<code>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_kind_have_one_shape() {
        for (key, shape) in [
            ("QUEUE#demo.river.boatyard#officer", "QUEUE#<community>#officer"),
            ("QUEUE#demo#district", "QUEUE#<district>#district"),
            ("NODE#demo.river", "NODE#<station>"),
            ("MEMBER#reporter-boatyard-1", "MEMBER#<member>"),
            ("REPORT#7K2M9", "REPORT#<code>"),
            ("DUE#3", "DUE#<shard>"),
            ("FUND#demo#2037", "FUND#<district>#<year>"),
            // A code may happen to be a number.
            ("INVITE#12345-67890", "INVITE#<code>"),
            ("TALLIED#report#7K2M9", "TALLIED#report#<code>"),
            ("INBOX#staff#treasurer#demo", "INBOX#staff#<role>#<district>"),
            ("INBOX#agency#fire#demo", "INBOX#agency#<agency>#<district>"),
            ("INBOX#reviewers#officer#demo.river.boatyard", "INBOX#reviewers#officer#<community>"),
            ("INBOX#member#0192-a", "INBOX#member#<member>"),
            ("WEBHOOK#demo#fire", "WEBHOOK#<district>#<agency>"),
            ("MEDIA#0192f0c0-0000-7000-8000-000000000000", "MEDIA#<code>"),
        ] {
            assert_eq!(of(key), shape);
        }
    }
}
