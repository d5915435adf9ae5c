use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*};
use serde::{Deserialize, Serialize};

use super::{from_item, to_item};
use crate::item::Item;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Named(String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    One(u32),
    Pair(i8, String),
    Fields { on: bool, name: Option<Named> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tagged {
    Place { longitude: f64 },
    Count { of: u64 },
    Empty,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    Flags(Vec<bool>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Left,
    Right,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    at: jiff::Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    left_out: Option<u8>,
}

/// What records consist of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    whole: (i64, u64),
    half: f64,
    sign: char,
    truth: bool,
    named: Named,
    shapes: Vec<Shape>,
    tagged: Vec<Tagged>,
    either: Vec<Either>,
    by_name: BTreeMap<String, Option<i16>>,
    by_number: BTreeMap<u16, Named>,
    by_side: BTreeMap<Side, Vec<u8>>,
    by_truth: BTreeMap<bool, u8>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    #[serde(flatten)]
    inner: Inner,
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Nothing),
        any::<u32>().prop_map(Shape::One),
        (any::<i8>(), ".{0,8}").prop_map(|(number, text)| Shape::Pair(number, text)),
        (any::<bool>(), option::of(".{0,8}")).prop_map(|(on, name)| Shape::Fields { on, name: name.map(Named) }),
    ]
}

fn tagged() -> impl Strategy<Value = Tagged> {
    prop_oneof![
        Just(Tagged::Empty),
        // A whole number that is written without a point is read as one, where nobody asks for a float.
        any::<i16>().prop_map(|tenths| Tagged::Place { longitude: f64::from(tenths) / 8.0 }),
        any::<u64>().prop_map(|of| Tagged::Count { of }),
    ]
}

fn either() -> impl Strategy<Value = Either> {
    prop_oneof![
        any::<i64>().prop_map(Either::Number),
        ".{0,8}".prop_map(Either::Text),
        vec(any::<bool>(), 0..3).prop_map(Either::Flags),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let plain = (any::<(i64, u64)>(), -1e15..1e15, any::<char>(), any::<bool>(), ".{0,12}".prop_map(Named));
    let nested = (vec(shape(), 0..4), vec(tagged(), 0..4), vec(either(), 0..4));
    let side = prop_oneof![Just(Side::Left), Just(Side::Right)];
    let maps = (
        proptest::collection::btree_map(".{0,6}", any::<Option<i16>>(), 0..4),
        proptest::collection::btree_map(any::<u16>(), ".{0,6}".prop_map(Named), 0..4),
        proptest::collection::btree_map(side, any::<Vec<u8>>(), 0..3),
        proptest::collection::btree_map(any::<bool>(), any::<u8>(), 0..3),
    );
    let rest = (any::<Vec<u8>>(), 0_i64..253_402_207_200, any::<Option<u8>>());
    (plain, nested, maps, rest).prop_map(
        |(
            (whole, half, sign, truth, named),
            (shapes, tagged, either),
            (by_name, by_number, by_side, by_truth),
            (bytes, second, left_out),
        )| {
            let inner = Inner { at: jiff::Timestamp::from_second(second).unwrap(), left_out };
            Everything {
                whole,
                half,
                sign,
                truth,
                named,
                shapes,
                tagged,
                either,
                by_name,
                by_number,
                by_side,
                by_truth,
                bytes,
                inner,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_what_serde_dynamo_writes_and_is_read_again(value in everything()) {
        let ours = to_item(&value, 3).unwrap();
        let theirs: Item = serde_dynamo::to_item(&value).unwrap();
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(&from_item::<Everything>(&ours).unwrap(), &value);
        prop_assert_eq!(&serde_dynamo::from_item::<_, Everything>(theirs).unwrap(), &value);
    }
}

#[test]
fn what_is_no_value_says_why() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Count {
        count: u8,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Keyed {
        by: BTreeMap<u8, bool>,
    }
    let why = |result: Result<Count, super::Unfit>| result.unwrap_err().to_string();
    let item = |value: serde_json::Value| to_item(&value, 0).unwrap();
    assert_eq!(why(from_item(&item(serde_json::json!({ "count": "7" })))), "a number was expected");
    assert_eq!(
        why(from_item(&item(serde_json::json!({ "count": 700 })))),
        "a number: number too large to fit in target type"
    );
    assert_eq!(why(from_item(&item(serde_json::json!({ "other": [null, { "deep": 1.5 }] })))), "missing field `count`");
    assert_eq!(from_item::<Count>(&item(serde_json::json!({ "count": 7, "other": [[]] }))).unwrap().count, 7);
    let keyed = from_item::<Keyed>(&item(serde_json::json!({ "by": { "300": true } })));
    assert_eq!(keyed.unwrap_err().to_string(), "a number: number too large to fit in target type");
    assert_eq!(to_item("text", 0).unwrap_err().to_string(), "it has no fields");
    let set = Item::from([("count".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Ns(vec!["1".to_owned()]))]);
    assert_eq!(why(from_item(&set)), "a number was expected");
}
