//! The demo district: three stations, eight communities, their staff and reporters.
//!
//! The district is made up. Its members have ids that can be typed; seeding again changes
//! nothing.

use pingan_domain::{
    code::Code,
    error::Error,
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    territory::NodeId,
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
/// How many reporters each community has.
const REPORTERS_EACH: usize = 2;

/// Adds the members that are not there yet.
pub(crate) async fn members(store: &Store) -> Result<(), Error> {
    for member in demo_members()? {
        store.add_member(&member).await?;
    }
    Ok(())
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
            for number in 1..=REPORTERS_EACH {
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
