//! All HTTP functions as one router, and their one description.

use std::sync::Arc;

use agency_systems::AgencySystems;
use aws_config::BehaviorVersion;
use axum::Router;
use briefings::Briefings;
use custody::Custody;
use exports::Exports;
use jiff::tz::TimeZone;
use media::MediaFunction;
use members::Members;
use payouts::Payouts;
use pingan_cloud::{Accounts, Channels, DocumentStore, KeyedHash, MediaStore, Sealer};
use pingan_domain::{calendar::Policy, media::MediaLimits, webhook_target::Reach};
use pingan_http::openapi::Base;
use pingan_membership::Registry;
use pingan_runtime::World;
use pingan_store::{CursorKey, Store, TableNames};
use pingan_workflow::Workflow;
use recruiting::Recruiting;
use rewards::{Rewards, Told};
use statistics::Statistics;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::router::OpenApiRouter;

/// What the HTTP functions need.
pub struct Functions {
    /// For those that change and read reports.
    pub workflow: Workflow,
    /// For `media`.
    pub media: MediaFunction,
    /// For `members`.
    pub members: Members,
    /// For `recruiting`.
    pub recruiting: Recruiting,
    /// For `custody`.
    pub custody: Custody,
    /// For `statistics`.
    pub statistics: Statistics,
    /// For `agency-systems`.
    pub agency_systems: AgencySystems,
    /// For `briefings`.
    pub briefings: Briefings,
    /// For `exports`.
    pub exports: Exports,
    /// For `rewards`.
    pub rewards: Rewards,
    /// For `payouts`.
    pub payouts: Payouts,
}

/// Every HTTP function of the bundle. A new one is added here.
pub fn router(functions: Functions) -> (Router, OpenApi) {
    let Functions {
        workflow,
        media,
        members,
        recruiting,
        custody,
        agency_systems,
        statistics,
        briefings,
        exports,
        rewards,
        payouts,
    } = functions;
    OpenApiRouter::with_openapi(Base::openapi())
        .merge(submission::router(workflow.clone()))
        .merge(officer_review::router(workflow.clone()))
        .merge(station_review::router(workflow.clone()))
        .merge(district_review::router(workflow.clone()))
        .merge(handover::router(workflow.clone()))
        .merge(tasking::router(workflow.clone()))
        .merge(outcomes::router(workflow))
        .merge(media::router(media))
        .merge(members::router(members))
        .merge(recruiting::router(recruiting))
        .merge(custody::router(custody))
        .merge(statistics::router(statistics))
        .merge(agency_systems::router(agency_systems))
        .merge(briefings::router(briefings))
        .merge(exports::router(exports))
        .merge(rewards::router(rewards))
        .merge(payouts::router(payouts))
        .split_for_parts()
}

/// The description as it stands in `infra/openapi.json`.
pub fn document(functions: Functions) -> Result<String, serde_json::Error> {
    let (_, document) = router(functions);
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

impl Functions {
    /// Functions that are connected to nothing: enough to describe them.
    pub fn unconnected() -> Result<Self, pingan_runtime::Failure> {
        let store = Store::new(
            aws_sdk_dynamodb::Client::from_conf(
                aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).build(),
            ),
            TableNames::with_prefix("nowhere"),
            CursorKey::new(vec![0; 32])?,
        );
        let workflow = Workflow {
            store: store.clone(),
            world: World::real(),
            policy: Arc::new(Policy::weekdays(TimeZone::UTC)),
            media_limits: MediaLimits::default(),
        };
        let client = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).build(),
        );
        let documents = DocumentStore::new(client.clone(), "nowhere".to_owned());
        let media = MediaFunction { workflow: workflow.clone(), media: MediaStore::new(client, "nowhere".to_owned()) };
        let kms = aws_sdk_kms::Client::from_conf(
            aws_sdk_kms::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).build(),
        );
        let sns = aws_sdk_sns::Client::from_conf(
            aws_sdk_sns::Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).build(),
        );
        let sealer = Arc::new(Sealer::kms(kms, "nowhere".to_owned()));
        let registry = Registry {
            store: store.clone(),
            world: World::real(),
            sealer: sealer.clone(),
            hashes: KeyedHash::new(vec![0; 32])?,
            accounts: Arc::new(Accounts::Outside),
        };
        let channels = Channels::new(sns, "nowhere".to_owned(), "")?;
        let members = Members { registry: registry.clone(), channels, retention_days: 180 };
        let recruiting = Recruiting { registry, linked: false, join_base: String::new() };
        let agency_systems =
            AgencySystems { store: store.clone(), world: World::real(), sealer: sealer.clone(), reach: Reach::Public };
        let custody = Custody { store: store.clone(), world: World::real(), sealer: sealer.clone() };
        let statistics = Statistics { store: store.clone(), world: World::real(), time_zone: TimeZone::UTC };
        let payouts = Payouts {
            store: store.clone(),
            world: World::real(),
            hashes: KeyedHash::new(vec![0; 32])?,
            sealer,
            time_zone: TimeZone::UTC,
        };
        let rewards =
            Rewards { store: store.clone(), world: World::real(), time_zone: TimeZone::UTC, told: Told::default() };
        let exports = Exports {
            store: store.clone(),
            documents: documents.clone(),
            world: World::real(),
            time_zone: TimeZone::UTC,
        };
        let briefings = Briefings { store, documents, world: World::real(), time_zone: TimeZone::UTC };
        Ok(Self {
            workflow,
            media,
            members,
            recruiting,
            custody,
            statistics,
            agency_systems,
            briefings,
            exports,
            rewards,
            payouts,
        })
    }
}
