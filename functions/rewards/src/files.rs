//! Statements as files for spreadsheets: the ledger of a fund, and what a reporter was rewarded with.
//!
//! A file is a part of bounded length, and `Link` names the next. What stands in it is what the list
//! of the same name shows the same reader. Who takes the ledger of a fund out of the platform is on
//! record before it is given; a reporter's own rewards are theirs.

use axum::{extract::State, http::header, response::Response};
use pingan_domain::{
    access::Reading,
    error::Error,
    ledger::{FundId, MAX_ENTRIES},
    member::Role,
    sheet::BYTE_ORDER_MARK,
};
use pingan_http::{DistrictPath, Problem, Query, Subject, YearPath, csv_file, page};
use pingan_store::{Key, audit::Trail};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Rewards,
    views::{EntryView, MyRewardView},
};

/// Who is given the ledger as a file. A station sees the list, and closes no accounts.
const FILE_READERS: [Role; 3] = [Role::DistrictManager, Role::Treasurer, Role::Auditor];
/// The most entries of one file: some two megabytes, of the six that a function can answer with.
const MAX_LINES: usize = 5_000;
/// The most rewards of one file of a reporter's own.
const MAX_MINE: u16 = 500;

/// Which part of a ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartQuery {
    /// The number of the entry after which the part begins; the first part when nothing is said.
    #[param(minimum = 0, default = 0)]
    after: Option<u64>,
}

/// Which part of a reporter's own statement.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MyPartQuery {
    /// Where the statement goes on: what `Link` of the part before says.
    cursor: Option<String>,
}

/// The ledger of a fund as a file for spreadsheets, oldest first: amounts in yuan and in fen, and the
/// chain of hashes. Up to 5,000 entries; `Link` names the next part.
#[utoipa::path(
    get,
    path = "/districts/{district}/funds/{year}/entries.csv",
    params(
        ("district" = String, Path, description = "The district"),
        ("year" = i16, Path, description = "The fiscal year"),
        PartQuery,
    ),
    responses(
        (status = 200, description = "A part of the ledger, in UTF-8; `Link: rel=\"next\"` names the next", body = String, content_type = "text/csv"),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn fetch_fund_entries(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    YearPath(year): YearPath,
    Query(query): Query<PartQuery>,
) -> Result<Response, Problem> {
    let after = query.after.unwrap_or_default();
    if after > MAX_ENTRIES {
        return Err(Error::field("after", format!("must be from 0 to {MAX_ENTRIES}")).into());
    }
    let id = FundId { district, year };
    let trail = Trail::Fund(id.clone());
    // The two reads do not depend on each other.
    let (loaded, entries) = futures::join!(
        rewards.load(&reader, &id.district, &FILE_READERS, [trail.head()]),
        rewards.store.entries_after(&id, after, MAX_LINES)
    );
    let ((loaded, reader, _), (entries, more)) = (loaded?, entries?);
    let head = loaded.end_of(&trail)?;
    rewards.store.record_access(head, trail, &reader, &Reading::ledger(), rewards.world.now(), None).await?;
    let next = entries.last().filter(|_| more).map(|last| format!("after={}", last.seq));
    let lines = entries.into_iter().map(|entry| EntryView::new(entry, &reader).line());
    let name = format!("fund-{}-{}-after-{after}.csv", id.district, id.year);
    Ok(respond(file(&EntryView::COLUMNS, lines)?, &name, next)?)
}

/// Your rewards as a file for spreadsheets, newest first. Up to 500; `Link` names the next part.
#[utoipa::path(
    get,
    path = "/me/rewards.csv",
    params(MyPartQuery),
    responses((status = 200, description = "A part of your rewards, in UTF-8; `Link: rel=\"next\"` names the next", body = String, content_type = "text/csv")),
)]
pub(crate) async fn fetch_my_rewards(
    State(rewards): State<Rewards>,
    Subject(reporter): Subject,
    Query(query): Query<MyPartQuery>,
) -> Result<Response, Problem> {
    let loaded = rewards.store.load([Key::Member(reporter.clone())]).await?;
    let reporter = loaded.actor(&reporter)?.acting_as(Role::Reporter)?;
    let (items, next) = rewards.store.shares_of(&reporter.id, MAX_MINE, query.cursor.as_deref()).await?;
    let lines = items.iter().map(|record| MyRewardView::from(record).line(record.created_at));
    let next = next.map(|next| format!("cursor={next}"));
    Ok(respond(file(&MyRewardView::COLUMNS, lines)?, "rewards.csv", next)?)
}

fn file<const N: usize>(columns: &[&str; N], lines: impl Iterator<Item = [String; N]>) -> Result<Vec<u8>, Error> {
    let fault = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    writer.write_record(columns).map_err(|error| fault(&error))?;
    for line in lines {
        writer.write_record(line).map_err(|error| fault(&error))?;
    }
    writer.into_inner().map_err(|error| fault(&error))
}

fn respond(file: Vec<u8>, name: &str, next: Option<String>) -> Result<Response, Error> {
    let mut response = csv_file(name, file);
    if let Some(next) = next {
        let link = page::next_link(&next);
        response.headers_mut().insert(header::LINK, link.map_err(|error| Error::Internal(error.to_string()))?);
    }
    Ok(response)
}
