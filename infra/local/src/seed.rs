//! The demo district: three stations, eight communities, their staff and reporters.
//!
//! The district is made up. Its members have ids that can be typed, and no identity: they
//! are nobody in life. Seeding again changes nothing.

use jiff::Timestamp;
use pingan_domain::{
    code::Code,
    district::{Agency, District, Label, OutcomeKind, Place, SensitivePlace, StationTasks, Trade},
    error::Error,
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    membership::{Kind, Profile},
    territory::{Level, NodeId},
    text::Text,
};
use pingan_store::Store;

/// The district.
pub const DISTRICT: &str = "demo";
/// Its stations, each with its communities.
pub const STATIONS: [(&str, &[&str]); 3] = [
    ("north", &["plum-garden", "old-mill", "east-gate"]),
    ("river", &["boatyard", "willow-bank", "ferry"]),
    ("market", &["silk-lane", "lantern"]),
];
/// How many reporters each community has,
const REPORTERS_EACH: usize = 2;
/// but this one, which has enough of them for a task of its own: the last two drive taxis.
const LARGER: (&str, usize) = ("lantern", 7);
/// From which number on they do.
const FIRST_TAXI: usize = 6;

/// What the stations and communities are called: station or community, Chinese, English.
const NAMES: [(&str, &str, &str); 11] = [
    ("north", "北站派出所", "North Station"),
    ("plum-garden", "李园社区", "Plum Garden"),
    ("old-mill", "老磨坊社区", "Old Mill"),
    ("east-gate", "东门社区", "East Gate"),
    ("river", "滨河派出所", "River Station"),
    ("boatyard", "船厂社区", "Boatyard"),
    ("willow-bank", "柳岸社区", "Willow Bank"),
    ("ferry", "渡口社区", "Ferry"),
    ("market", "集市派出所", "Market Station"),
    ("silk-lane", "丝巷社区", "Silk Lane"),
    ("lantern", "灯笼社区", "Lantern"),
];
/// The trades of the district: label, Chinese, English, target.
const TRADES: [(&str, &str, &str, u16); 5] = [
    ("taxi", "出租车", "Taxi drivers", 20),
    ("scrap", "废品回收", "Scrap dealers", 10),
    ("lodging", "旅店", "Inns and hostels", 10),
    ("couriers", "快递配送", "Couriers", 20),
    ("fuel", "加油加气", "Fuel stations", 5),
];
/// The sensitive places: label, Chinese, English, station and community.
const PLACES: [(&str, &str, &str, &str); 4] = [
    ("school-1", "第一小学", "Primary School No. 1", "north.plum-garden"),
    ("bus-station", "长途汽车站", "Coach station", "north.east-gate"),
    ("fuel-depot", "油库", "Fuel depot", "river.boatyard"),
    ("hospital", "区医院", "District hospital", "market.lantern"),
];

/// The agencies to which the district hands reports over: label, Chinese, English.
const AGENCIES: [(&str, &str, &str); 2] =
    [("fire", "消防救援大队", "Fire and Rescue"), ("market-regulation", "市场监督管理局", "Market Regulation")];

/// The kinds of outcome that it counts beside those that every district does: label, Chinese, English.
const OUTCOME_KINDS: [(&str, &str, &str); 1] = [("lost_persons_found", "找回走失人员", "Lost persons found")];

/// Since when the members are there: the beginning of 2026, in seconds since 1970.
const SEEDED: i64 = 1_767_225_600;

/// Adds the members and the district's lists that are not there yet.
pub async fn seed(store: &Store) -> Result<(), Error> {
    let now = Timestamp::from_second(SEEDED).map_err(|error| Error::Internal(error.to_string()))?;
    let district = demo_district()?;
    store.put_district(&district, 0).await?;
    // Of a folder that is older than the census.
    for place in district.nodes.iter().filter(|place| place.node.level() == Level::Community) {
        store.begin_census(&place.node).await?;
    }
    let taxi = Label::parse("taxi").map_err(|error| Error::Internal(error.to_string()))?;
    for member in demo_members()? {
        let mut profile = Profile::seeded(member, now);
        let number = profile.member.id.as_str().strip_prefix(&format!("reporter-{}-", LARGER.0));
        if number.and_then(|number| number.parse::<usize>().ok()).is_some_and(|number| number >= FIRST_TAXI) {
            profile.kind = Some(Kind::Taxi);
            profile.trades = vec![taxi.clone()];
        }
        store.add_member(&profile).await?;
    }
    Ok(())
}

/// The lists of the demo district.
pub fn demo_district() -> Result<District, Error> {
    let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
    let node = |path: String| NodeId::parse(&path).map_err(|error| internal(&error));
    let label = |text: &str| Label::parse(text).map_err(|error| internal(&error));
    let name = |of: &str| {
        NAMES.iter().find(|(label, ..)| *label == of).map_or(Text::new(of, of), |(_, zh, en)| Text::new(*zh, *en))
    };
    let mut nodes = Vec::new();
    for (station, communities) in STATIONS {
        nodes.push(Place { node: node(format!("{DISTRICT}.{station}"))?, name: name(station), target: 0 });
        for community in communities {
            let path = format!("{DISTRICT}.{station}.{community}");
            nodes.push(Place { node: node(path)?, name: name(community), target: 10 });
        }
    }
    let trades = TRADES
        .iter()
        .map(|(of, zh, en, target)| Ok(Trade { label: label(of)?, name: Text::new(*zh, *en), target: *target }));
    let places = PLACES.iter().map(|(of, zh, en, path)| {
        let node = node(format!("{DISTRICT}.{path}"))?;
        Ok(SensitivePlace { label: label(of)?, name: Text::new(*zh, *en), node, target: 2 })
    });
    Ok(District {
        node: node(DISTRICT.to_owned())?,
        version: 1,
        name: Text::new("示范区", "Demo District"),
        nodes,
        trades: trades.collect::<Result<_, Error>>()?,
        places: places.collect::<Result<_, Error>>()?,
        station_tasks: StationTasks::Consent,
        agencies: AGENCIES
            .iter()
            .map(|(of, zh, en)| Ok(Agency { label: label(of)?, name: Text::new(*zh, *en) }))
            .collect::<Result<_, Error>>()?,
        outcome_kinds: OUTCOME_KINDS
            .iter()
            .map(|(of, zh, en)| Ok(OutcomeKind { label: label(of)?, name: Text::new(*zh, *en) }))
            .collect::<Result<_, Error>>()?,
    })
}

/// Every member of the demo district.
pub fn demo_members() -> Result<Vec<Member>, Error> {
    let mut members = Vec::new();
    let mut add = |id: String, role, node: &str, body: Option<Body>, state| -> Result<(), Error> {
        let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        members.push(Member {
            pseudonym: Code::from_digest(&Digest::of(&[b"pseudonym", id.as_bytes()])),
            id: MemberId::parse(&id).map_err(|error| internal(&error))?,
            role,
            node: NodeId::parse(node).map_err(|error| internal(&error))?,
            body,
            agency: id.strip_prefix("agency-").map(Label::parse).transpose().map_err(|error| internal(&error))?,
            state,
        });
        Ok(())
    };
    let active = MemberState::Active;
    let police = Some(Body::Police);
    add("district-police".to_owned(), Role::DistrictManager, DISTRICT, police, active)?;
    add("district-governance".to_owned(), Role::DistrictManager, DISTRICT, Some(Body::Governance), active)?;
    add("agency-fire".to_owned(), Role::AgencyHandler, DISTRICT, None, active)?;
    add("treasurer".to_owned(), Role::Treasurer, DISTRICT, None, active)?;
    add("custodian".to_owned(), Role::Custodian, DISTRICT, police, active)?;
    add("auditor".to_owned(), Role::Auditor, DISTRICT, None, active)?;
    for (station, communities) in STATIONS {
        let station_node = format!("{DISTRICT}.{station}");
        add(format!("station-{station}"), Role::StationManager, &station_node, police, active)?;
        for community in communities {
            let node = format!("{station_node}.{community}");
            add(format!("officer-{community}"), Role::Officer, &node, police, active)?;
            let reporters = if *community == LARGER.0 { LARGER.1 } else { REPORTERS_EACH };
            for number in 1..=reporters {
                add(format!("reporter-{community}-{number}"), Role::Reporter, &node, None, active)?;
            }
        }
    }
    // Two who may not act at the moment, so that this, too, can be tried.
    let suspended = MemberState::Suspended;
    let node = format!("{DISTRICT}.north.plum-garden");
    add("reporter-suspended".to_owned(), Role::Reporter, &node, None, suspended)?;
    add("officer-suspended".to_owned(), Role::Officer, &node, police, suspended)?;
    Ok(members)
}
