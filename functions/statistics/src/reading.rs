//! Reading the statistics.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::civil::Date;
use pingan_domain::{
    district::District,
    error::Error,
    statistics::{By, Period},
    suppression::check_days,
    tally::day,
    territory::NodeId,
};
use pingan_http::{DistrictPath, Problem, Query, Subject, schema};
use pingan_store::Key;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{READERS, Statistics, views::StatisticsView};

/// The most rows of one answer: nodes by periods.
const MAX_ROWS: usize = 600;

/// Which statistics.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatisticsQuery {
    /// A node of your territory; all of it when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// Whether the nodes right below it get rows of their own.
    #[param(default = false)]
    below: Option<bool>,
    /// The first day; that of the year of `to` when nothing is said.
    #[param(schema_with = schema::day, required = false)]
    from: Option<Date>,
    /// The last day; today when nothing is said.
    #[param(schema_with = schema::day, required = false)]
    to: Option<Date>,
    /// Into what it is divided, always whole; months when nothing is said.
    #[param(schema_with = schema::by, required = false)]
    by: Option<By>,
}

/// The statistics of a node, by day, month or year, in the time zone of the district.
///
/// Each row says what was done in its period; a report that names the conduct of a stage is not
/// counted in the nodes of that stage. Figures from 1 to 4 that would single out somebody are
/// `null`, and so are those that would give them away: figures about reporters, but for the officer
/// of the community; and in a community figures about reports, but for those who review them. By
/// day, figures about reporters are for that officer alone, and the days of a community for those
/// who review there.
#[utoipa::path(
    get,
    path = "/districts/{district}/statistics",
    params(("district" = String, Path, description = "The district"), StatisticsQuery),
    responses(
        (status = 200, description = "A row for each node and period", body = StatisticsView),
        (status = 404, description = "The node lies outside of your territory"),
    ),
)]
pub(crate) async fn read_statistics(
    State(statistics): State<Statistics>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<StatisticsQuery>,
) -> Result<Response, Problem> {
    let by = query.by.unwrap_or(By::Month);
    let to = query.to.unwrap_or_else(|| day(statistics.world.now(), &statistics.time_zone));
    let period = Period::asked(query.from.unwrap_or_else(|| to.first_of_year()), to, by)?;
    let loaded = statistics.store.load([Key::Member(reader.clone()), Key::District(district.clone())]).await?;
    let reader = loaded.actor(&reader)?.acting_as_any(&READERS)?;
    let lists = loaded.district(&district)?.filter(|_| district.contains(&reader.node)).ok_or(Error::NotFound)?;
    let node = query.node.unwrap_or_else(|| reader.node.clone());
    if !reader.node.contains(&node) || !lists.has(&node) {
        return Err(Error::NotFound.into());
    }
    let nodes = nodes(&lists, node, query.below.unwrap_or(false));
    if nodes.len() * period.parts(by).len() > MAX_ROWS {
        return Err(Error::field("to", format!("makes more than {MAX_ROWS} rows; ask for fewer at once")).into());
    }
    check_days(&nodes, &reader, by)?;
    let rows = statistics.store.statistics(&lists, &nodes, (period, by), &reader).await?;
    let view = StatisticsView::new(&rows, by);
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

/// A node, and those right below it.
fn nodes(lists: &District, node: NodeId, below: bool) -> Vec<NodeId> {
    let places = lists.nodes.iter().map(|place| &place.node);
    let more: Vec<NodeId> = places.filter(|other| other.is_right_below(&node)).cloned().collect();
    std::iter::once(node).chain(more.into_iter().filter(|_| below)).collect()
}
