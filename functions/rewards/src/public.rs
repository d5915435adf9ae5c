//! What everybody is told of a fund, without signing in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use pingan_domain::{
    Date,
    error::Error,
    fund_summary::{self, FundSummary},
    ledger::FundId,
    territory::NodeId,
};
use pingan_http::{DistrictPath, Problem, YearPath, schema};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Rewards;

/// For how long others may keep the answer: as long as [`Told`] does. It changes with a grant, and at
/// most once a month beside that.
const CACHED: &str = "public, max-age=3600";
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// The most summaries that one process keeps. A district has one for each year.
const MAX_KEPT: usize = 1_000;

/// What everybody was told of funds within the last hour. Nobody signs in for it, and each summary is
/// made of the ledger of a whole year: so that one is read once an hour and process, however often
/// strangers ask.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<BTreeMap<FundId, (Timestamp, FundSummary)>>>);

impl Told {
    fn of(&self, id: &FundId, now: Timestamp) -> Option<FundSummary> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(id).filter(|(until, _)| now < *until).map(|(_, summary)| summary.clone())
    }

    fn keep(&self, id: &FundId, summary: &FundSummary, now: Timestamp) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, (until, _)| now < *until);
        if told.len() < MAX_KEPT {
            told.insert(id.clone(), (now + KEPT, summary.clone()));
        }
    }
}

/// What everybody is told of a fund. What was paid is told as it stood at the end of a month, in
/// steps of at least five payments; what lies between is nobody's to work out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "district": "demo", "year": 2026, "granted_fen": 30_000_000, "closed": false,
    "paid": {"until": "2026-09-30", "payments": 41, "paid_fen": 2_150_000, "returned_fen": 0, "unpaid_fen": 27_850_000, "final": false}
}))]
pub(crate) struct FundSummaryView {
    /// The district.
    #[schema(schema_with = schema::node)]
    district: NodeId,
    /// The fiscal year.
    year: i16,
    /// All that was granted for it until now.
    granted_fen: u64,
    /// Whether the year was closed: nothing more is promised.
    closed: bool,
    /// What was paid; left out for as long as it would tell of fewer than five payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid: Option<PaidView>,
}

/// What was paid of a fund, at the end of a month.
#[derive(Debug, Serialize, ToSchema)]
struct PaidView {
    /// The last day of the month.
    #[schema(schema_with = schema::day)]
    until: Date,
    /// How many payments were made. One person who was paid twice counts twice.
    payments: u64,
    /// How much was paid, less what was paid back.
    paid_fen: u64,
    /// How much of what was granted the district government took back.
    returned_fen: u64,
    /// All the rest: it can be promised, is promised or has lapsed.
    unpaid_fen: u64,
    /// Whether the year ended with this: nothing can be paid any more, and the rest has lapsed.
    #[serde(rename = "final")]
    is_final: bool,
}

/// What everybody is told of a fund: what was granted, and at the end of months how much of it was
/// paid. No persons and no rewards; of fewer than five payments nothing. Anybody may ask.
#[utoipa::path(
    get,
    path = "/districts/{district}/funds/{year}/summary",
    security(()),
    params(
        ("district" = String, Path, description = "The district"),
        ("year" = i16, Path, description = "The fiscal year"),
    ),
    responses(
        (status = 200, description = "The summary, which may be kept for an hour", body = FundSummaryView),
        (status = 404, description = "Nothing was granted for this year, or there is no such district"),
    ),
)]
pub(crate) async fn read_fund_summary(
    State(rewards): State<Rewards>,
    DistrictPath(district): DistrictPath,
    YearPath(year): YearPath,
) -> Result<Response, Problem> {
    let id = FundId { district, year };
    let (now, today) = rewards.now();
    let summary = if let Some(told) = rewards.told.of(&id, now) {
        told
    } else {
        let ledger = rewards.store.ledger(&id).await?;
        // Of a district without a ledger nothing tells whether it is one.
        let summary = fund_summary::summary(&ledger, today, &rewards.time_zone)?.ok_or(Error::NotFound)?;
        rewards.told.keep(&id, &summary, now);
        summary
    };
    let paid = summary.told.map(|told| PaidView {
        until: told.until,
        payments: told.payments,
        paid_fen: told.paid_fen,
        returned_fen: told.returned_fen,
        unpaid_fen: told.unpaid_fen,
        is_final: told.is_final,
    });
    let FundId { district, year } = id;
    let view = FundSummaryView { district, year, granted_fen: summary.granted_fen, closed: summary.closed, paid };
    Ok(([(header::CACHE_CONTROL, CACHED)], axum::Json(view)).into_response())
}
