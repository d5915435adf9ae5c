//! The SDK calls of an operation in a hello-world, and nothing else: what was written down once is sent
//! again for every event, as typed requests of the SDK, one after another.

use std::{collections::HashMap, env, fs, sync::LazyLock, time::Duration};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::{
        AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use aws_sdk_s3::presigning::PresigningConfig;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Map, Value, json};

/// A request, ready to be sent.
enum Call {
    BatchGet(HashMap<String, KeysAndAttributes>),
    TransactWrite(Vec<TransactWriteItem>),
    Query(Box<Query>),
    Get(String, HashMap<String, AttributeValue>),
    Put(Box<Put>),
    Update(Box<Update>),
    /// An upload to S3 that is signed, for somebody else to send.
    SignUpload(Upload),
}

struct Upload {
    bucket: String,
    key: String,
    bytes: i64,
    content_type: String,
    checksum: String,
}

struct Query {
    table: String,
    index: Option<String>,
    condition: Option<String>,
    filter: Option<String>,
    projection: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
    start: Option<HashMap<String, AttributeValue>>,
    limit: Option<i32>,
    forward: Option<bool>,
    consistent: Option<bool>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let file = env::var("BARE_REQUESTS")?;
    let requests: Vec<Value> = serde_json::from_slice(&fs::read(file)?)?;
    let calls = requests.iter().map(call).collect::<Result<Vec<_>, Error>>()?;
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let clients = Clients {
        records: Client::new(&config),
        objects: LazyLock::new(Box::new(move || aws_sdk_s3::Client::new(&config))),
    };
    let (clients, calls) = (&clients, &calls);
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| answer(clients, calls))).await
}

struct Clients {
    records: Client,
    objects: LazyLock<aws_sdk_s3::Client, Box<dyn FnOnce() -> aws_sdk_s3::Client + Send>>,
}

async fn answer(clients: &Clients, calls: &[Call]) -> Result<Value, Error> {
    for call in calls {
        send(clients, call).await?;
    }
    Ok(json!({ "statusCode": 200, "body": "{}" }))
}

async fn send(clients: &Clients, call: &Call) -> Result<(), Error> {
    let client = &clients.records;
    match call {
        Call::SignUpload(upload) => {
            let asked = clients
                .objects
                .put_object()
                .bucket(&upload.bucket)
                .key(&upload.key)
                .content_length(upload.bytes)
                .content_type(&upload.content_type)
                .checksum_sha256(&upload.checksum);
            asked.presigned(PresigningConfig::expires_in(Duration::from_mins(15))?).await?;
        }
        Call::BatchGet(items) => {
            client.batch_get_item().set_request_items(Some(items.clone())).send().await?;
        }
        Call::TransactWrite(items) => {
            client.transact_write_items().set_transact_items(Some(items.clone())).send().await?;
        }
        Call::Query(query) => {
            let query = query.as_ref();
            client
                .query()
                .table_name(&query.table)
                .set_index_name(query.index.clone())
                .set_key_condition_expression(query.condition.clone())
                .set_filter_expression(query.filter.clone())
                .set_projection_expression(query.projection.clone())
                .set_expression_attribute_names(query.names.clone())
                .set_expression_attribute_values(query.values.clone())
                .set_exclusive_start_key(query.start.clone())
                .set_limit(query.limit)
                .set_scan_index_forward(query.forward)
                .set_consistent_read(query.consistent)
                .send()
                .await?;
        }
        Call::Get(table, key) => {
            client.get_item().table_name(table).set_key(Some(key.clone())).send().await?;
        }
        Call::Put(put) => {
            client
                .put_item()
                .table_name(&put.table_name)
                .set_item(Some(put.item.clone()))
                .set_condition_expression(put.condition_expression.clone())
                .set_expression_attribute_names(put.expression_attribute_names.clone())
                .set_expression_attribute_values(put.expression_attribute_values.clone())
                .send()
                .await?;
        }
        Call::Update(update) => {
            client
                .update_item()
                .table_name(&update.table_name)
                .set_key(Some(update.key.clone()))
                .update_expression(&update.update_expression)
                .set_condition_expression(update.condition_expression.clone())
                .set_expression_attribute_names(update.expression_attribute_names.clone())
                .set_expression_attribute_values(update.expression_attribute_values.clone())
                .send()
                .await?;
        }
    }
    Ok(())
}

/// A request that was written down, as the SDK has it.
fn call(written: &Value) -> Result<Call, Error> {
    let request = &written["request"];
    Ok(match text(&written["operation"])?.as_str() {
        "BatchGetItem" => {
            let mut items = HashMap::new();
            for (table, asked) in object(&request["RequestItems"])? {
                let keys = list(&asked["Keys"])?.iter().map(item).collect::<Result<_, _>>()?;
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .set_consistent_read(asked["ConsistentRead"].as_bool())
                    .set_projection_expression(optional(&asked["ProjectionExpression"]))
                    .set_expression_attribute_names(names(asked)?)
                    .build()?;
                items.insert(table.clone(), keys);
            }
            Call::BatchGet(items)
        }
        "TransactWriteItems" => {
            let items = list(&request["TransactItems"])?.iter().map(write).collect::<Result<_, _>>()?;
            Call::TransactWrite(items)
        }
        "Query" => Call::Query(Box::new(Query {
            table: text(&request["TableName"])?,
            index: optional(&request["IndexName"]),
            condition: optional(&request["KeyConditionExpression"]),
            filter: optional(&request["FilterExpression"]),
            projection: optional(&request["ProjectionExpression"]),
            names: names(request)?,
            values: values(request)?,
            start: Some(&request["ExclusiveStartKey"]).filter(|key| key.is_object()).map(item).transpose()?,
            limit: request["Limit"].as_i64().map(i32::try_from).transpose()?,
            forward: request["ScanIndexForward"].as_bool(),
            consistent: request["ConsistentRead"].as_bool(),
        })),
        "GetItem" => Call::Get(text(&request["TableName"])?, item(&request["Key"])?),
        "PutItem" => Call::Put(Box::new(put(request)?)),
        "UpdateItem" => Call::Update(Box::new(update(request)?)),
        "PutObject" => Call::SignUpload(Upload {
            bucket: text(&request["Bucket"])?,
            key: text(&request["Key"])?,
            bytes: request["ContentLength"].as_i64().ok_or("an upload of no size")?,
            content_type: text(&request["ContentType"])?,
            checksum: text(&request["ChecksumSHA256"])?,
        }),
        other => return Err(format!("{other} is not sent here").into()),
    })
}

fn write(written: &Value) -> Result<TransactWriteItem, Error> {
    let builder = TransactWriteItem::builder();
    let (kind, action) = object(written)?.iter().next().ok_or("a write of nothing")?;
    Ok(match kind.as_str() {
        "Put" => builder.put(put(action)?),
        "Update" => builder.update(update(action)?),
        "Delete" => builder.delete(
            Delete::builder()
                .table_name(text(&action["TableName"])?)
                .set_key(Some(item(&action["Key"])?))
                .set_condition_expression(optional(&action["ConditionExpression"]))
                .set_expression_attribute_names(names(action)?)
                .set_expression_attribute_values(values(action)?)
                .build()?,
        ),
        "ConditionCheck" => builder.condition_check(
            ConditionCheck::builder()
                .table_name(text(&action["TableName"])?)
                .set_key(Some(item(&action["Key"])?))
                .condition_expression(text(&action["ConditionExpression"])?)
                .set_expression_attribute_names(names(action)?)
                .set_expression_attribute_values(values(action)?)
                .build()?,
        ),
        other => return Err(format!("{other} is not written here").into()),
    }
    .build())
}

fn put(action: &Value) -> Result<Put, Error> {
    Ok(Put::builder()
        .table_name(text(&action["TableName"])?)
        .set_item(Some(item(&action["Item"])?))
        .set_condition_expression(optional(&action["ConditionExpression"]))
        .set_expression_attribute_names(names(action)?)
        .set_expression_attribute_values(values(action)?)
        .set_return_values_on_condition_check_failure(
            optional(&action["ReturnValuesOnConditionCheckFailure"])
                .map(|value| ReturnValuesOnConditionCheckFailure::from(value.as_str())),
        )
        .build()?)
}

fn update(action: &Value) -> Result<Update, Error> {
    Ok(Update::builder()
        .table_name(text(&action["TableName"])?)
        .set_key(Some(item(&action["Key"])?))
        .update_expression(text(&action["UpdateExpression"])?)
        .set_condition_expression(optional(&action["ConditionExpression"]))
        .set_expression_attribute_names(names(action)?)
        .set_expression_attribute_values(values(action)?)
        .build()?)
}

fn names(action: &Value) -> Result<Option<HashMap<String, String>>, Error> {
    let Some(names) = action["ExpressionAttributeNames"].as_object() else { return Ok(None) };
    names.iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect::<Result<_, Error>>().map(Some)
}

fn values(action: &Value) -> Result<Option<HashMap<String, AttributeValue>>, Error> {
    Some(&action["ExpressionAttributeValues"]).filter(|values| values.is_object()).map(item).transpose()
}

fn item(written: &Value) -> Result<HashMap<String, AttributeValue>, Error> {
    object(written)?.iter().map(|(name, value)| Ok((name.clone(), attribute(value)?))).collect()
}

fn attribute(written: &Value) -> Result<AttributeValue, Error> {
    let (kind, value) = object(written)?.iter().next().ok_or("a value of no type")?;
    Ok(match kind.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text(value)?)?)),
        "BOOL" => AttributeValue::Bool(value.as_bool().ok_or("a truth that is none")?),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(list(value)?.iter().map(attribute).collect::<Result<_, _>>()?),
        "M" => AttributeValue::M(item(value)?),
        "SS" => AttributeValue::Ss(list(value)?.iter().map(text).collect::<Result<_, _>>()?),
        "NS" => AttributeValue::Ns(list(value)?.iter().map(text).collect::<Result<_, _>>()?),
        other => return Err(format!("{other} is no type that is stored").into()),
    })
}

fn object(value: &Value) -> Result<&Map<String, Value>, Error> {
    value.as_object().ok_or_else(|| "an object is missing".into())
}

fn list(value: &Value) -> Result<&Vec<Value>, Error> {
    value.as_array().ok_or_else(|| "a list is missing".into())
}

fn text(value: &Value) -> Result<String, Error> {
    optional(value).ok_or_else(|| "a text is missing".into())
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}
