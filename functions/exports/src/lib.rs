//! Exports of statistics as people get them: asked for, listed, read, fetched.
//!
//! | to change … | go to |
//! |---|---|
//! | how one is asked for | [`asking`] |
//! | how they are listed, read and fetched | [`reading`] |
//! | what the API shows | [`views`] |
//! | how the files are made | `functions/export` |

mod asking;
mod reading;
mod views;

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_cloud::{DocumentStore, Late};
use pingan_http::{Operations, operations, routes};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Exports {
    /// The records.
    pub store: Store,
    /// The bucket.
    pub documents: DocumentStore,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days go.
    pub time_zone: TimeZone,
}

impl Exports {
    /// Reads `DOCUMENTS_TABLE`, `MEMBERS_TABLE`, `REPORTS_TABLE`, `MEDIA_BUCKET`, `CURSOR_KEY` (at
    /// least 16 characters) and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            documents: environment.get("DOCUMENTS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            // The audit of reads.
            reports: environment.get("REPORTS_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            documents: DocumentStore::new(Late::of(sdk, aws_sdk_s3::Client::new), environment.get("MEDIA_BUCKET")?),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }
}

/// The operations of this function.
pub fn router(exports: Exports) -> Operations {
    let operations = Operations::new()
        .routes(routes!(asking::request_export, reading::list_exports))
        .routes(routes!(reading::read_export))
        .routes(routes!(reading::link_export))
        .with_state(exports);
    operations::finish("exports", operations)
}
