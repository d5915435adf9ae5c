//! The lists of a district, and what they lack members for.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    coverage::{self, Cell, Coverage},
    district::{Agency, District, Label, OutcomeKind, Place, SensitivePlace, StationTasks, Trade},
    error::Error,
    member::{MemberId, Role},
    membership::Kind,
    named::Named as _,
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IfMatch, Problem, Query, Subject, Versioned, schema};
use pingan_membership::{MANAGERS, views::TextView};
use pingan_store::Key;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Members;

/// A station or a community.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlaceView {
    /// Its path.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// Its name.
    name: TextView,
    /// How many reporters it should have; 0 for no target.
    #[serde(default)]
    #[schema(maximum = 10_000)]
    target: u16,
}

/// A trade.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TradeView {
    /// Its stable name.
    #[schema(value_type = String, example = "scrap")]
    label: Label,
    /// What it is called. It names a trade, never people for who they are.
    name: TextView,
    /// How many reporters of the district should know it; 0 for no target.
    #[serde(default)]
    #[schema(maximum = 10_000)]
    target: u16,
}

/// A sensitive place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SensitivePlaceView {
    /// Its stable name.
    #[schema(value_type = String, example = "school-2")]
    label: Label,
    /// What it is called.
    name: TextView,
    /// The community in which it lies.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// How many reporters should know it; 0 for no target.
    #[serde(default)]
    #[schema(maximum = 10_000)]
    target: u16,
}

/// The lists of a district.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": {"zh_cn": "示范区", "en": "Demo District"},
    "nodes": [
        {"node": "demo.north", "name": {"zh_cn": "北站派出所", "en": "North Station"}},
        {"node": "demo.north.plum-garden", "name": {"zh_cn": "李园社区", "en": "Plum Garden"}, "target": 10}
    ],
    "trades": [{"label": "scrap", "name": {"zh_cn": "废品回收", "en": "Scrap dealers"}, "target": 10}],
    "places": [{
        "label": "school-1", "name": {"zh_cn": "第一小学", "en": "Primary School No. 1"},
        "node": "demo.north.plum-garden", "target": 2
    }]
}))]
pub(crate) struct DistrictView {
    /// What the district is called.
    name: TextView,
    /// Its stations and communities; at most 1000. One that was ever there stays.
    #[schema(max_items = 1_000)]
    nodes: Vec<PlaceView>,
    /// Its trades; at most 500.
    #[schema(max_items = 500)]
    trades: Vec<TradeView>,
    /// Its sensitive places; at most 500.
    #[schema(max_items = 500)]
    places: Vec<SensitivePlaceView>,
    /// Whether a task of a station that reaches beyond one community needs your `consent`, which is
    /// so when nothing is said, or stations send such tasks by themselves (`free`).
    #[serde(default = "consent")]
    #[schema(schema_with = schema::station_tasks, required = false)]
    station_tasks: StationTasks,
    /// The agencies to which it hands reports over; at most 500.
    #[serde(default)]
    #[schema(max_items = 500, required = false)]
    agencies: Vec<ListedView>,
    /// The kinds of outcome that it counts beside those that every district does; at most 20.
    #[serde(default)]
    #[schema(max_items = 20, required = false)]
    outcome_kinds: Vec<ListedView>,
}

/// An agency, or a kind of outcome.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ListedView {
    /// Its stable name.
    #[schema(value_type = String, example = "fire")]
    label: Label,
    /// What it is called.
    name: TextView,
}

fn consent() -> StationTasks {
    StationTasks::Consent
}

impl From<District> for DistrictView {
    fn from(district: District) -> Self {
        let District { name, nodes, trades, places, station_tasks, agencies, outcome_kinds, .. } = district;
        Self {
            name: name.into(),
            nodes: nodes
                .into_iter()
                .map(|Place { node, name, target }| PlaceView { node, name: name.into(), target })
                .collect(),
            trades: trades
                .into_iter()
                .map(|Trade { label, name, target }| TradeView { label, name: name.into(), target })
                .collect(),
            places: places
                .into_iter()
                .map(|SensitivePlace { label, name, node, target }| SensitivePlaceView {
                    label,
                    name: name.into(),
                    node,
                    target,
                })
                .collect(),
            station_tasks,
            agencies: agencies
                .into_iter()
                .map(|Agency { label, name }| ListedView { label, name: name.into() })
                .collect(),
            outcome_kinds: outcome_kinds
                .into_iter()
                .map(|OutcomeKind { label, name }| ListedView { label, name: name.into() })
                .collect(),
        }
    }
}

impl DistrictView {
    fn into_district(self, node: NodeId, version: u64) -> District {
        let Self { name, nodes, trades, places, station_tasks, agencies, outcome_kinds } = self;
        District {
            node,
            version,
            name: name.into(),
            nodes: nodes
                .into_iter()
                .map(|PlaceView { node, name, target }| Place { node, name: name.into(), target })
                .collect(),
            trades: trades
                .into_iter()
                .map(|TradeView { label, name, target }| Trade { label, name: name.into(), target })
                .collect(),
            places: places
                .into_iter()
                .map(|SensitivePlaceView { label, name, node, target }| SensitivePlace {
                    label,
                    name: name.into(),
                    node,
                    target,
                })
                .collect(),
            station_tasks,
            agencies: agencies
                .into_iter()
                .map(|ListedView { label, name }| Agency { label, name: name.into() })
                .collect(),
            outcome_kinds: outcome_kinds
                .into_iter()
                .map(|ListedView { label, name }| OutcomeKind { label, name: name.into() })
                .collect(),
        }
    }
}

/// The stations, communities, trades and sensitive places of your district, by name.
#[utoipa::path(
    get,
    path = "/districts/{district}",
    params(("district" = String, Path, description = "The district")),
    responses(
        (status = 200, description = "The lists, with their version as `ETag`", body = DistrictView),
        (status = 404, description = "This is not your district, or it has no lists yet"),
    ),
)]
pub(crate) async fn read_district(
    State(members): State<Members>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
) -> Result<Response, Problem> {
    let loaded = members.registry.store.load([Key::Member(reader.clone()), Key::District(district.clone())]).await?;
    let reader = loaded.actor(&reader)?;
    reader.state.may_act()?;
    let lists = loaded.district(&district)?.filter(|_| district.contains(&reader.node)).ok_or(Error::NotFound)?;
    Ok(Versioned(lists.version, DistrictView::from(lists)).into_response())
}

/// Replaces the lists of your district. The first time, `If-Match` is `"0"`.
///
/// The lists name trades and places. A name that stands for people's origin, belief or
/// opinion is refused.
#[utoipa::path(
    put,
    path = "/districts/{district}",
    params(
        ("district" = String, Path, description = "The district"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you replace"),
    ),
    request_body = DistrictView,
    responses(
        (status = 200, description = "Replaced; the lists as they are after, with their version as `ETag`", body = DistrictView),
        (status = 404, description = "This is not your district"),
        (status = 412, description = "They have changed since you read them"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn put_district(
    State(members): State<Members>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IfMatch(version): IfMatch,
    Body(body): Body<DistrictView>,
) -> Result<Response, Problem> {
    let lists = members.replace_lists(&actor, district, version, body).await?;
    Ok(Versioned(lists.version, DistrictView::from(lists)).into_response())
}

/// Whose coverage to count.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoverageQuery {
    /// A node of your territory; all of it when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
}

/// One count. It is missing where it would single out fewer than five reporters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellView {
    /// How many reporters may act; missing when it is suppressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<u32>,
    /// Whether the count is suppressed: it is from 1 to 4, or would give away another that is.
    suppressed: bool,
    /// How many there should be; 0 for no target.
    target: u16,
    /// Whether there are none, or fewer than the target.
    gap: bool,
}

impl From<Cell> for CellView {
    fn from(Cell { members, suppressed, target, gap }: Cell) -> Self {
        Self { members, suppressed, target, gap }
    }
}

/// A count of a community, or of a sensitive place.
#[derive(Debug, Serialize, ToSchema)]
struct NamedCell {
    /// Which: the path of a node, or a label of the district's lists.
    of: String,
    /// What it is called.
    name: TextView,
    /// The count.
    #[serde(flatten)]
    cell: CellView,
}

/// Where there are reporters, and where there are none.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverageView {
    /// The node that was counted.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// Its communities.
    communities: Vec<NamedCell>,
    /// Every kind of reporter.
    kinds: BTreeMap<String, CellView>,
    /// The trades of the district's list.
    trades: Vec<NamedCell>,
    /// The sensitive places of the district's list that lie in the node.
    places: Vec<NamedCell>,
}

/// How many reporters a node has by community, kind, trade and sensitive place, and where
/// there are none or fewer than the target.
///
/// A count that would single out fewer than five is shown to the officer of the community
/// alone.
#[utoipa::path(
    get,
    path = "/districts/{district}/coverage",
    params(("district" = String, Path, description = "The district"), CoverageQuery),
    responses(
        (status = 200, description = "The coverage", body = CoverageView),
        (status = 404, description = "The node lies outside of your territory"),
    ),
)]
pub(crate) async fn read_coverage(
    State(members): State<Members>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<CoverageQuery>,
) -> Result<Response, Problem> {
    let view = members.coverage(&reader, &district, query.node).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

impl Members {
    async fn replace_lists(
        &self,
        actor: &MemberId,
        district: NodeId,
        version: u64,
        body: DistrictView,
    ) -> Result<District, Error> {
        let loaded = self.registry.store.load([Key::Member(actor.clone()), Key::District(district.clone())]).await?;
        let actor = loaded.actor(actor)?.acting_as(Role::DistrictManager)?;
        if actor.node != district {
            return Err(Error::NotFound);
        }
        let before = loaded.district(&district)?;
        let newest = before.as_ref().map_or(0, |before| before.version);
        if version != newest {
            return Err(Error::VersionStale(newest));
        }
        let lists = body.into_district(district, newest + 1);
        lists.validate(before.as_ref())?;
        if self.registry.store.put_district(&lists, newest).await? {
            Ok(lists)
        } else {
            Err(Error::VersionStale(newest + 1))
        }
    }

    async fn coverage(
        &self,
        reader: &MemberId,
        district: &NodeId,
        node: Option<NodeId>,
    ) -> Result<CoverageView, Error> {
        let loaded = self.registry.store.load([Key::Member(reader.clone()), Key::District(district.clone())]).await?;
        let reader = loaded.actor(reader)?.acting_as_any(&MANAGERS)?;
        let node = node.unwrap_or_else(|| reader.node.clone());
        if !district.contains(&node) || !reader.node.contains(&node) {
            return Err(Error::NotFound);
        }
        let lists = loaded.district(district)?.filter(|lists| lists.has(&node)).ok_or(Error::NotFound)?;
        let counted = self.registry.store.counted(&lists, &node).await?;
        let coverage = coverage::coverage(&lists, &node, &counted, reader.role == Role::Officer);
        Ok(view(&lists, node, coverage))
    }
}

fn view(lists: &District, node: NodeId, coverage: Coverage) -> CoverageView {
    let Coverage { communities, kinds, trades, places } = coverage;
    let text = |of: &str, name: Option<&pingan_domain::text::Text>| {
        name.cloned().map_or_else(|| TextView { zh_cn: of.to_owned(), en: of.to_owned() }, Into::into)
    };
    CoverageView {
        node,
        communities: communities
            .into_iter()
            .map(|(node, cell)| NamedCell {
                name: text(node.as_str(), lists.name_of(&node)),
                of: node.to_string(),
                cell: cell.into(),
            })
            .collect(),
        kinds: kinds.into_iter().map(|(kind, cell): (Kind, Cell)| (kind.name().to_owned(), cell.into())).collect(),
        trades: trades
            .into_iter()
            .map(|(label, cell)| {
                let name = lists.trades.iter().find(|trade| trade.label == label).map(|trade| &trade.name);
                NamedCell { name: text(label.as_str(), name), of: label.to_string(), cell: cell.into() }
            })
            .collect(),
        places: places
            .into_iter()
            .map(|(label, cell)| {
                let name = lists.places.iter().find(|place| place.label == label).map(|place| &place.name);
                NamedCell { name: text(label.as_str(), name), of: label.to_string(), cell: cell.into() }
            })
            .collect(),
    }
}
