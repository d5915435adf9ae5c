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
    fault::fault,
    identities,
    item::EXPIRES_AT,
    keys::{Index, Table},
    members, reports, tasks,
};

/// The names of the tables in this deployment; empty for those that a function has nothing
/// to do with.
#[derive(Debug, Clone, Default)]
pub struct TableNames {
    /// Who members are in life.
    pub identities: String,
    /// Members.
    pub members: String,
    /// What people are told.
    pub notices: String,
    /// Reports and what belongs to them.
    pub reports: String,
    /// Tasks and what reporters do with them.
    pub tasks: String,
}

impl TableNames {
    /// The names with a prefix, as Terraform makes them: `<prefix>-reports`.
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            identities: format!("{prefix}-identities"),
            members: format!("{prefix}-members"),
            notices: format!("{prefix}-notices"),
            reports: format!("{prefix}-reports"),
            tasks: format!("{prefix}-tasks"),
        }
    }

    /// The name of a table.
    pub fn of(&self, table: Table) -> &str {
        match table {
            Table::Identities => &self.identities,
            Table::Members => &self.members,
            Table::Notices => &self.notices,
            Table::Reports => &self.reports,
            Table::Tasks => &self.tasks,
        }
    }
}

/// Creates the tables that do not exist yet.
pub async fn create(client: &Client, names: &TableNames) -> Result<(), Error> {
    for table in [Table::Identities, Table::Members, Table::Notices, Table::Reports, Table::Tasks] {
        let stream = matches!(table, Table::Notices | Table::Reports | Table::Tasks);
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
        let projection = Projection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(projected(index).iter().map(ToString::to_string).collect()))
            .build();
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

/// The attributes that an index shows beside the keys.
pub fn projected(index: Index) -> &'static [&'static str] {
    match index {
        Index::QueueByStage | Index::ReportsByReporter | Index::ReportsByNode(_) | Index::ReportsByTask => {
            &reports::SUMMARY_ATTRIBUTES
        }
        Index::MembersByNode(_) => &members::SUMMARY_ATTRIBUTES,
        Index::InvitesByCommunity => &members::INVITE_ATTRIBUTES,
        Index::OpeningsByDistrict => &identities::OPENING_ATTRIBUTES,
        Index::TasksByNode(_) => &tasks::SUMMARY_ATTRIBUTES,
        Index::AnswersByTask => &tasks::ANSWER_ATTRIBUTES,
    }
}

fn key_schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    Ok(vec![
        KeySchemaElement::builder().attribute_name(pk).key_type(KeyType::Hash).build()?,
        KeySchemaElement::builder().attribute_name(sk).key_type(KeyType::Range).build()?,
    ])
}
