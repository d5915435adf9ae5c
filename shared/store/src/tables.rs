//! The tables and their creation, for the local bundle and the tests. In the cloud,
//! Terraform creates the same.

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
    },
};
use pingan_domain::error::Error;

use crate::{
    batches, documents, exports,
    fault::fault,
    handovers, identities,
    item::EXPIRES_AT,
    keys::{Index, Table},
    members, outcomes, payouts, reports, rewards, tasks,
};

/// The names of the tables in this deployment; empty for those that a function has nothing
/// to do with.
#[derive(Debug, Clone, Default)]
pub struct TableNames {
    /// Briefings and exports.
    pub documents: String,
    /// Hand-overs.
    pub handovers: String,
    /// Who members are in life.
    pub identities: String,
    /// Members.
    pub members: String,
    /// What people are told.
    pub notices: String,
    /// Outcomes.
    pub outcomes: String,
    /// Reports and what belongs to them.
    pub reports: String,
    /// Rewards, their rules, and the ledgers of the funds.
    pub rewards: String,
    /// The counters of the statistics.
    pub tallies: String,
    /// Tasks and what reporters do with them.
    pub tasks: String,
}

impl TableNames {
    /// The names with a prefix, as Terraform makes them: `<prefix>-reports`.
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            documents: format!("{prefix}-documents"),
            handovers: format!("{prefix}-handovers"),
            identities: format!("{prefix}-identities"),
            members: format!("{prefix}-members"),
            notices: format!("{prefix}-notices"),
            outcomes: format!("{prefix}-outcomes"),
            reports: format!("{prefix}-reports"),
            rewards: format!("{prefix}-rewards"),
            tallies: format!("{prefix}-tallies"),
            tasks: format!("{prefix}-tasks"),
        }
    }

    /// The name of a table.
    pub fn of(&self, table: Table) -> &str {
        match table {
            Table::Documents => &self.documents,
            Table::Handovers => &self.handovers,
            Table::Identities => &self.identities,
            Table::Members => &self.members,
            Table::Notices => &self.notices,
            Table::Outcomes => &self.outcomes,
            Table::Reports => &self.reports,
            Table::Rewards => &self.rewards,
            Table::Tallies => &self.tallies,
            Table::Tasks => &self.tasks,
        }
    }
}

/// Creates the tables that do not exist yet.
pub async fn create(client: &Client, names: &TableNames) -> Result<(), Error> {
    for table in Table::ALL {
        // What nobody has to hear of has no stream.
        let stream = !matches!(table, Table::Identities | Table::Tallies);
        create_table(client, names.of(table), table, stream).await?;
    }
    Ok(())
}

async fn create_table(client: &Client, name: &str, table: Table, stream: bool) -> Result<(), Error> {
    let internal = |error: aws_sdk_dynamodb::error::BuildError| Error::Internal(error.to_string());
    let mut attributes = vec!["pk", "sk"];
    let mut gsis = Vec::new();
    for index in Index::ALL.into_iter().filter(|index| index.table() == table) {
        let (pk, sk) = index.attributes();
        for attribute in [pk, sk] {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
        let (projection, names) = match projected(index) {
            Projected::Keys => (ProjectionType::KeysOnly, None),
            Projected::Everything => (ProjectionType::All, None),
            Projected::These(names) => {
                (ProjectionType::Include, Some(names.iter().map(ToString::to_string).collect::<Vec<_>>()))
            }
        };
        let projection = Projection::builder().projection_type(projection).set_non_key_attributes(names).build();
        gsis.push(
            GlobalSecondaryIndex::builder()
                .index_name(index.name())
                .set_key_schema(Some(key_schema(pk, sk).map_err(internal)?))
                .projection(projection)
                .build()
                .map_err(internal)?,
        );
    }
    let definitions = attributes
        .into_iter()
        .map(|name| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(internal)?;

    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(definitions))
        .set_key_schema(Some(key_schema("pk", "sk").map_err(internal)?));
    if !gsis.is_empty() {
        request = request.set_global_secondary_indexes(Some(gsis));
    }
    if stream {
        let specification = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewImage)
            .build()
            .map_err(internal)?;
        request = request.stream_specification(specification);
    }
    match request.send().await {
        Ok(_) => {}
        Err(error) if error.code() == Some("ResourceInUseException") => {}
        Err(error) => return Err(fault("CreateTable", &error)),
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(EXPIRES_AT).enabled(true).build().map_err(internal)?;
    let request = client.update_time_to_live().table_name(name).time_to_live_specification(ttl);
    match request.send().await {
        Ok(_) => Ok(()),
        // It is on already, from before.
        Err(error) if error.code() == Some("ValidationException") => Ok(()),
        Err(error) => Err(fault("UpdateTimeToLive", &error)),
    }
}

/// What an index shows beside the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projected {
    /// Nothing.
    Keys,
    /// The whole item: for items that hold nothing but what a list shows. DynamoDB takes no
    /// more than a hundred names of attributes for all indexes of a table together.
    Everything,
    /// These attributes.
    These(&'static [&'static str]),
}

/// What an index shows beside the keys.
pub fn projected(index: Index) -> Projected {
    Projected::These(match index {
        Index::ReportsByDue | Index::RewardsByDue => return Projected::Keys,
        Index::OpenReportsByNode | Index::DeadlinesByNode | Index::RewardsByReporter => return Projected::Everything,
        Index::PayoutsByState => &payouts::SUMMARY_ATTRIBUTES,
        Index::BatchesByState => &batches::SUMMARY_ATTRIBUTES,
        Index::QueueByStage | Index::ReportsByReporter | Index::ReportsByNode(_) | Index::ReportsByTask => {
            &reports::SUMMARY_ATTRIBUTES
        }
        Index::MembersByNode(_) => &members::SUMMARY_ATTRIBUTES,
        Index::InvitesByCommunity => &members::INVITE_ATTRIBUTES,
        Index::OpeningsByDistrict => &identities::OPENING_ATTRIBUTES,
        Index::TasksByNode(_) => &tasks::SUMMARY_ATTRIBUTES,
        Index::AnswersByTask => &tasks::ANSWER_ATTRIBUTES,
        Index::OutcomesByNode(_) | Index::OutcomesByReceiver | Index::OutcomesByKind | Index::OutcomesToConfirm => {
            &outcomes::SUMMARY_ATTRIBUTES
        }
        Index::HandoversByDistrict | Index::HandoversByReceiver | Index::HandoversByDue => {
            &handovers::SUMMARY_ATTRIBUTES
        }
        Index::RewardsByDistrict | Index::RewardsByState => &rewards::SUMMARY_ATTRIBUTES,
        Index::BriefingsByDistrict => &documents::BRIEFING_ATTRIBUTES,
        Index::ExportsByDistrict => &exports::EXPORT_ATTRIBUTES,
        Index::Districts => &documents::DISTRICT_ATTRIBUTES,
    })
}

fn key_schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    Ok(vec![
        KeySchemaElement::builder().attribute_name(pk).key_type(KeyType::Hash).build()?,
        KeySchemaElement::builder().attribute_name(sk).key_type(KeyType::Range).build()?,
    ])
}
