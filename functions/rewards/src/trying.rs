//! The dry run of rules: what they would have given for rewards that were proposed by others.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::ToSpan as _;
use pingan_domain::{
    Date,
    district::Label,
    dry_run::{GAPS, Gap, Group, MAX_REWARDS, Past, Sums, check_period, dry_run},
    error::Error,
    member::{Member, Role},
    report::Category,
    reward::Reward,
    reward_rules::RulesContent,
    statistics::Period,
    tally::begins,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, Problem, Subject, schema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Rewards, rules::check_content};

/// Who tries rules: those who write them, and who audits them. They see every reward of the district
/// anyway, so that groups of few are not suppressed for them.
const TRIERS: [Role; 2] = [Role::DistrictManager, Role::Auditor];

/// Rules that are to be tried.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "from": "2026-07-01", "to": "2026-09-30",
    "content": {
        "rules": [{
            "label": "arrest", "name": {"zh_cn": "抓获", "en": "Arrest"},
            "earned_by": {"by": "outcome", "kinds": ["suspects_arrested"]},
            "amount": {"as": "range", "min_fen": 50_000, "max_fen": 300_000}
        }],
        "together": "first",
        "tiers": [{"agree": [{"role": "district_manager", "body": "police"}, {"role": "district_manager", "body": "governance"}]}],
        "claim_days": 90
    }
}))]
pub(crate) struct TryBody {
    /// The first day on which rewards were proposed.
    #[schema(schema_with = schema::day)]
    from: Date,
    /// The last day; at most 92 days together.
    #[schema(schema_with = schema::day)]
    to: Date,
    /// What the rules say, as in a version of them.
    #[schema(value_type = Object)]
    content: RulesContent,
}

/// Counts and sums of rewards.
#[derive(Debug, Serialize, ToSchema)]
struct SumsView {
    /// How many rewards.
    rewards: u64,
    /// How many of them nobody had in the end: they were declined or taken back.
    ended: u64,
    /// How many shares these rules would have made of them.
    shares: u64,
    /// What these rules would have given by themselves: the least.
    least_fen: u64,
    /// What these rules would have let people choose: the most.
    most_fen: u64,
    /// What the rules of then gave by themselves.
    proposed_fen: u64,
    /// What it came to, with what people chose, multipliers and caps.
    amount_fen: u64,
    /// What was approved.
    approved_fen: u64,
    /// What was paid, and not paid back.
    paid_fen: u64,
}

impl From<Sums> for SumsView {
    fn from(sums: Sums) -> Self {
        let Sums { rewards, ended, shares, least_fen, most_fen, proposed_fen, amount_fen, approved_fen, paid_fen } =
            sums;
        Self { rewards, ended, shares, least_fen, most_fen, proposed_fen, amount_fen, approved_fen, paid_fen }
    }
}

/// Rewards that are alike in what they are for.
#[derive(Debug, Serialize, ToSchema)]
struct GroupView {
    /// The label of the rule that would have given; left out where none fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    rule: Option<Label>,
    /// What the reports are about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// The grade that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grade: Option<Label>,
    /// The kind of outcome that was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    outcome: Option<Label>,
    /// What they come to.
    #[serde(flatten)]
    sums: SumsView,
}

/// What rules would have given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriedView {
    /// The first day.
    #[schema(schema_with = schema::day)]
    from: Date,
    /// The last day.
    #[schema(schema_with = schema::day)]
    to: Date,
    /// Whether more than 2,000 rewards were proposed in the period: then these are the first.
    truncated: bool,
    /// How many rewards are of period awards, which are not tried.
    period_awards: usize,
    /// All groups together.
    all: SumsView,
    /// By rule, category, grade and outcome.
    groups: Vec<GroupView>,
    /// What none of it can know.
    #[schema(schema_with = schema::gaps)]
    not_known: [Gap; GAPS.len()],
}

/// Tries rules against rewards that were proposed in a period: what they would have given beside what
/// was proposed, approved and paid. Nothing is written by it; `not_known` says what it leaves open.
///
/// The key is asked for as of every `POST`, and nothing depends on it.
#[utoipa::path(
    post,
    path = "/districts/{district}/reward-rules/dry-run",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID"),
    ),
    request_body = TryBody,
    responses(
        (status = 200, description = "What they would have given", body = TriedView),
        (status = 404, description = "This is not your district, or it has no lists yet"),
    ),
)]
pub(crate) async fn try_reward_rules(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(_key): IdempotencyKey,
    Body(body): Body<TryBody>,
) -> Result<Response, Problem> {
    let period = Period { from: body.from, to: body.to };
    let (_, reader, lists) = rewards.load(&reader, &district, &TRIERS, []).await?;
    let mut bad = Vec::new();
    check_period(period, &mut bad);
    check_content(&body.content, &lists, &mut bad)?;
    if !bad.is_empty() {
        return Err(Error::Invalid(bad).into());
    }
    let after = body.to.checked_add(1.day()).map_err(|_| Error::field("/to", "is no day that can be asked for"))?;
    let between = (begins(body.from, &rewards.time_zone)?, begins(after, &rewards.time_zone)?);
    let (found, truncated) = rewards.store.rewards_between(&district, between, MAX_REWARDS).await?;
    let view = tried(&body, &found, &reader, truncated)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

fn tried(body: &TryBody, found: &[Reward], reader: &Member, truncated: bool) -> Result<TriedView, Error> {
    let seen = found.iter().filter(|reward| reward.is_seen_by(reader));
    let past: Vec<Option<Past>> = seen.map(Past::of).collect();
    let period_awards = past.iter().filter(|past| past.is_none()).count();
    let past: Vec<Past> = past.into_iter().flatten().collect();
    let groups = dry_run(&body.content, &past)?;
    let all = groups.values().copied().fold(Sums::default(), Sums::plus);
    let groups = groups.into_iter().map(|(group, sums)| {
        let Group { rule, category, grade, outcome } = group;
        GroupView { rule, category, grade, outcome, sums: sums.into() }
    });
    Ok(TriedView {
        from: body.from,
        to: body.to,
        truncated,
        period_awards,
        all: all.into(),
        groups: groups.collect(),
        not_known: GAPS,
    })
}
