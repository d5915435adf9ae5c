//! Files of people to recruit: CSV in UTF-8 or GB18030, checked whole.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use encoding_rs::{GB18030, UTF_8};
use pingan_domain::territory::NodeId;

use crate::{name::Name, phone::Phone};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most lines with people.
pub const MAX_ROWS: usize = 20_000;
/// The most bad lines that are listed; more are counted.
pub const MAX_BAD_LISTED: usize = 1_000;
/// The longest field, in characters.
const MAX_FIELD_CHARS: usize = 400;

/// A value of a closed list and what people call it.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// The value.
    pub value: T,
    /// Its names, beside the value itself.
    pub labels: Vec<String>,
}

/// The closed lists that a file can name values of.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// The communities.
    pub communities: Vec<Entry<NodeId>>,
    /// The kinds of reporters.
    pub kinds: Vec<Entry<String>>,
    /// The trades.
    pub trades: Vec<Entry<String>>,
    /// The sensitive places.
    pub places: Vec<Entry<String>>,
}

/// A column of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// The name.
    Name,
    /// The phone number.
    Phone,
    /// The community.
    Community,
    /// What kind of reporter.
    Kind,
    /// The trades, if any.
    Trades,
    /// The sensitive places, if any.
    Places,
}

impl Column {
    const ALL: [Self; 6] = [Self::Name, Self::Phone, Self::Community, Self::Kind, Self::Trades, Self::Places];

    /// What a header can call it; the first is how it is named in reasons.
    fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["name", "姓名"],
            Self::Phone => &["phone", "手机号", "手机号码", "手机", "电话", "联系电话"],
            Self::Community => &["community", "社区", "所属社区"],
            Self::Kind => &["kind", "类别", "人员类别", "人员类型"],
            Self::Trades => &["trades", "行业", "熟悉行业"],
            Self::Places => &["places", "场所", "熟悉场所"],
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.headers()[0])
    }
}

/// How a file was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GB18030, and what it contains: GBK and GB2312.
    Gb18030,
}

/// A person of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line, from 1; the header is the first.
    pub line: u64,
    /// The name.
    pub name: Name,
    /// The phone number.
    pub phone: Phone,
    /// The community.
    pub node: NodeId,
    /// What kind of reporter.
    pub kind: String,
    /// The trades.
    pub trades: Vec<String>,
    /// The sensitive places.
    pub places: Vec<String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The line, from 1; the header is the first.
    pub line: u64,
    /// The column, when it is one.
    pub column: Option<Column>,
    /// What is wrong with it. It repeats nothing of the line.
    pub reason: String,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// How it was encoded.
    pub encoding: Encoding,
    /// The good lines.
    pub rows: Vec<Row>,
    /// What is wrong with the others; the first [`MAX_BAD_LISTED`].
    pub bad: Vec<BadLine>,
    /// How much is wrong in all.
    pub bad_count: usize,
    /// How many lines are bad.
    pub bad_lines: usize,
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// Too large.
    #[error("the file is larger than 4 MiB")]
    TooLarge,
    /// Too many lines.
    #[error("the file has more than 20000 lines; split it")]
    TooManyRows,
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// What Excel calls Unicode text.
    #[error("the file is in UTF-16; save it as CSV UTF-8")]
    Utf16,
    /// Neither UTF-8 nor GB18030.
    #[error("the file is neither UTF-8 nor GB18030: line {line}, byte {byte} of the file")]
    NotText {
        /// The line, from 1.
        line: usize,
        /// The byte, from 1.
        byte: usize,
    },
    /// Characters were lost before it came here.
    #[error("line {line} has characters that were damaged on the way; send the file as application/octet-stream")]
    Damaged {
        /// The line, from 1.
        line: usize,
    },
    /// A byte that no text has.
    #[error("line {line} has a zero byte: the file is no text")]
    Binary {
        /// The line, from 1.
        line: usize,
    },
    /// A column that is not known.
    #[error("column {0} of the header is not known; there are name, phone, community, kind, trades and places")]
    UnknownColumn(usize),
    /// A column twice.
    #[error("the column {0} is there twice")]
    RepeatedColumn(Column),
    /// A column that must be there.
    #[error("the column {0} is missing")]
    MissingColumn(Column),
}

/// Reads a file. Lines that name no community are of `community`, if there is one.
pub fn read(bytes: &[u8], lists: &Lists, community: Option<&NodeId>) -> Result<Roster, RosterError> {
    if bytes.len() > MAX_BYTES {
        return Err(RosterError::TooLarge);
    }
    let (text, encoding) = decode(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(&text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    // The text was checked, so that the reader cannot fail on it.
    let header = loop {
        match records.next() {
            None | Some(Err(_)) => return Err(RosterError::Empty),
            Some(Ok(record)) if record.iter().all(|field| field.trim().is_empty()) => {}
            Some(Ok(record)) => break record,
        }
    };
    let columns = columns(&header, community.is_some())?;
    let mut reading = Reading {
        community,
        communities: index(&lists.communities, ToString::to_string),
        kinds: index(&lists.kinds, Clone::clone),
        trades: index(&lists.trades, Clone::clone),
        places: index(&lists.places, Clone::clone),
        columns,
        width: header.len(),
        phones: HashMap::new(),
        roster: Roster { encoding, rows: Vec::new(), bad: Vec::new(), bad_count: 0, bad_lines: 0 },
    };
    for record in records.filter_map(Result::ok) {
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if reading.roster.rows.len() + reading.roster.bad_lines >= MAX_ROWS {
            return Err(RosterError::TooManyRows);
        }
        reading.take(&record);
    }
    Ok(reading.roster)
}

fn decode(bytes: &[u8]) -> Result<(String, Encoding), RosterError> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(RosterError::Utf16);
    }
    let line_of = |at: usize| bytes[..at.min(bytes.len())].split(|byte| *byte == b'\n').count();
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(RosterError::Binary { line: line_of(at) });
    }
    let utf8 =
        UTF_8.decode_without_bom_handling_and_without_replacement(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
    let (text, encoding) = if let Some(text) = utf8 {
        (text, Encoding::Utf8)
    } else if let Some(text) = GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
        (text, Encoding::Gb18030)
    } else {
        let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        return Err(RosterError::NotText { line: line_of(at), byte: at + 1 });
    };
    if let Some(at) = text.find('\u{FFFD}') {
        let line = 1 + text[..at].matches('\n').count();
        return Err(RosterError::Damaged { line });
    }
    Ok((text.into_owned(), encoding))
}

/// What separates the fields: what the header has most of.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn columns(header: &csv::StringRecord, has_community: bool) -> Result<BTreeMap<Column, usize>, RosterError> {
    let mut columns = BTreeMap::new();
    for (place, name) in header.iter().enumerate() {
        let name = name.trim().to_lowercase();
        let column = Column::ALL.into_iter().find(|column| column.headers().contains(&name.as_str()));
        let column = column.ok_or(RosterError::UnknownColumn(place + 1))?;
        if columns.insert(column, place).is_some() {
            return Err(RosterError::RepeatedColumn(column));
        }
    }
    let needed = [Column::Name, Column::Phone, Column::Kind];
    let missing = needed.into_iter().chain((!has_community).then_some(Column::Community));
    match missing.into_iter().find(|column| !columns.contains_key(column)) {
        Some(column) => Err(RosterError::MissingColumn(column)),
        None => Ok(columns),
    }
}

/// What each name of a list stands for; nothing when two values share it.
fn index<T: Clone>(entries: &[Entry<T>], own: impl Fn(&T) -> String) -> HashMap<String, Option<T>> {
    let mut index: HashMap<String, Option<T>> = HashMap::new();
    for entry in entries {
        let own = own(&entry.value);
        let mut names: Vec<String> = entry.labels.iter().map(|label| label.trim().to_lowercase()).collect();
        names.push(own.to_lowercase());
        names.sort();
        names.dedup();
        for name in names {
            index.entry(name).and_modify(|value| *value = None).or_insert_with(|| Some(entry.value.clone()));
        }
    }
    index
}

struct Reading<'a> {
    community: Option<&'a NodeId>,
    communities: HashMap<String, Option<NodeId>>,
    kinds: HashMap<String, Option<String>>,
    trades: HashMap<String, Option<String>>,
    places: HashMap<String, Option<String>>,
    columns: BTreeMap<Column, usize>,
    width: usize,
    /// On which line a number stood first.
    phones: HashMap<Phone, u64>,
    roster: Roster,
}

impl Reading<'_> {
    fn take(&mut self, record: &csv::StringRecord) {
        let line = record.position().map_or(0, csv::Position::line);
        let before = self.roster.bad_count;
        if let Some(row) = self.row(line, record)
            && self.roster.bad_count == before
        {
            self.roster.rows.push(row);
        }
        if self.roster.bad_count > before {
            self.roster.bad_lines += 1;
        }
    }

    fn row(&mut self, line: u64, record: &csv::StringRecord) -> Option<Row> {
        if record.len() != self.width {
            let reason = format!("has {} fields, and the header has {}", record.len(), self.width);
            self.bad(line, None, reason);
            return None;
        }
        if record.iter().any(|field| field.chars().count() > MAX_FIELD_CHARS) {
            self.bad(
                line,
                None,
                format!("has a field of more than {MAX_FIELD_CHARS} characters; is a quotation mark missing?"),
            );
            return None;
        }
        let field = |reading: &Self, column| {
            reading
                .columns
                .get(&column)
                .and_then(|place| record.get(*place))
                .map(str::trim)
                .unwrap_or_default()
                .to_owned()
        };
        let name = Name::parse(&field(self, Column::Name));
        let name = name.map_err(|error| self.bad(line, Some(Column::Name), error.to_string()));
        let phone = Phone::parse(&field(self, Column::Phone));
        let phone = phone.map_err(|error| self.bad(line, Some(Column::Phone), error.to_string()));
        if let Ok(phone) = &phone {
            if let Some(first) = self.phones.get(phone) {
                let reason = format!("is the same number as on line {first}");
                self.bad(line, Some(Column::Phone), reason);
            } else {
                self.phones.insert(phone.clone(), line);
            }
        }
        let community = field(self, Column::Community);
        let node = if let (true, Some(default)) = (community.is_empty(), self.community) {
            Some(default.clone())
        } else {
            let found = one_of(&self.communities, &community);
            found.map_err(|reason| self.bad(line, Some(Column::Community), reason)).ok()
        };
        let kind = one_of(&self.kinds, &field(self, Column::Kind));
        let kind = kind.map_err(|reason| self.bad(line, Some(Column::Kind), reason));
        let trades = some_of(&self.trades, &field(self, Column::Trades));
        let trades = trades.map_err(|reason| self.bad(line, Some(Column::Trades), reason));
        let places = some_of(&self.places, &field(self, Column::Places));
        let places = places.map_err(|reason| self.bad(line, Some(Column::Places), reason));
        Some(Row {
            line,
            name: name.ok()?,
            phone: phone.ok()?,
            node: node?,
            kind: kind.ok()?,
            trades: trades.ok()?,
            places: places.ok()?,
        })
    }

    fn bad(&mut self, line: u64, column: Option<Column>, reason: impl Into<String>) {
        self.roster.bad_count += 1;
        if self.roster.bad.len() < MAX_BAD_LISTED {
            self.roster.bad.push(BadLine { line, column, reason: reason.into() });
        }
    }
}

fn one_of<T: Clone>(list: &HashMap<String, Option<T>>, text: &str) -> Result<T, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    match list.get(&text.to_lowercase()) {
        Some(Some(value)) => Ok(value.clone()),
        Some(None) => Err("is the name of more than one; write its path or label".to_owned()),
        None => Err("is not in the district's list".to_owned()),
    }
}

fn some_of(list: &HashMap<String, Option<String>>, text: &str) -> Result<Vec<String>, String> {
    let names = text.split([';', '；', '、', '|']).map(str::trim).filter(|name| !name.is_empty());
    let mut values = Vec::new();
    for name in names {
        let value = one_of(list, name)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn entry<T>(value: T, labels: &[&str]) -> Entry<T> {
        Entry { value, labels: labels.iter().map(ToString::to_string).collect() }
    }

    fn lists() -> Lists {
        let node = |path: &str| path.parse::<NodeId>().unwrap();
        Lists {
            communities: vec![
                entry(node("d.s.plum"), &["李园社区", "Plum Garden"]),
                entry(node("d.s.mill"), &["磨坊社区", "Mill"]),
                entry(node("d.t.mill"), &["磨坊社区", "Other Mill"]),
            ],
            kinds: vec![entry("resident".to_owned(), &["居民"]), entry("shop".to_owned(), &["商铺"])],
            trades: vec![entry("taxi".to_owned(), &["出租车"]), entry("scrap".to_owned(), &["废品回收"])],
            places: vec![entry("school-1".to_owned(), &["第一小学"])],
        }
    }

    fn good(text: &[u8]) -> Vec<Row> {
        let roster = read(text, &lists(), None).unwrap();
        assert_eq!(roster.bad, []);
        roster.rows.into_iter().map(|row| Row { line: 0, ..row }).collect()
    }

    #[test]
    fn the_same_people_read_the_same_in_every_way_in_which_they_are_written() {
        let plain = "name,phone,community,kind,trades,places\n\
                     王秀兰,13800138000,d.s.plum,shop,scrap;taxi,school-1\n\
                     李建国,13900139000,d.s.plum,resident,,\n";
        let people = good(plain.as_bytes());
        assert_eq!(people.len(), 2);
        assert_eq!(people[0].trades, ["scrap", "taxi"]);
        let chinese = "手机号,姓名,类别,社区,场所,行业\r\n\
                       +86 138 0013 8000,王秀兰,商铺,李园社区,第一小学,废品回收、出租车\r\n\
                       \r\n\
                       139-0013-9000, 李建国 ,居民,李园社区,,\r\n";
        assert_eq!(good(chinese.as_bytes()), people);
        assert_eq!(good(&[b"\xEF\xBB\xBF", chinese.as_bytes()].concat()), people);
        let gb18030 = GB18030.encode(chinese).0;
        assert_eq!(good(&gb18030), people);
        assert_eq!(read(&gb18030, &lists(), None).unwrap().encoding, Encoding::Gb18030);
        assert_eq!(good(chinese.replace(',', "\t").as_bytes()), people);
        assert_eq!(good(chinese.replace(',', ";").as_bytes()), people);
        let quoted = "Name,Phone,Community,Kind,Trades,Places\n\
                      \"王秀兰\",\"13800138000\",\"Plum Garden\",SHOP,\"scrap|taxi\",school-1\n\
                      李建国,13900139000,plum garden,resident,\"\",\n";
        assert_eq!(good(quoted.as_bytes()), people);
        let without = "name,phone,kind\n李建国,13900139000,resident\n";
        let default = "d.s.plum".parse().unwrap();
        let row = read(without.as_bytes(), &lists(), Some(&default)).unwrap().rows.remove(0);
        assert_eq!(Row { line: 0, ..row }, people[1]);
    }

    #[test]
    fn every_bad_line_is_named_with_its_reason() {
        let awful = "姓名,手机号,社区,类别,行业\n\
                     王秀兰,13800138000,李园社区,商铺,\n\
                     ,13900139001,李园社区,商铺,\n\
                     李建国,1390013900,李园社区,商铺,\n\
                     李建国,02223456789,李园社区,商铺,\n\
                     赵六,138 0013 8000,李园社区,商铺,\n\
                     赵六,13700137000,磨坊社区,商铺,\n\
                     赵六,13700137001,无名社区,律师,\n\
                     赵六,13700137002,李园社区,商铺,出租车、飞机\n\
                     赵六,13700137003,李园社区\n\
                     =cmd,13700137004,李园社区,商铺,\n\
                     \"周\n七\",13700137005,李园社区,商铺,\n\
                     周七,13700137006,,,\n";
        let roster = read(awful.as_bytes(), &lists(), None).unwrap();
        let mut table = String::new();
        for BadLine { line, column, reason } in &roster.bad {
            let column = column.map_or_else(String::new, |column| column.to_string());
            writeln!(table, "{line:>3}  {column:<10} {reason}").unwrap();
            for secret in ["138", "137", "139", "赵", "王", "李"] {
                assert!(!reason.contains(secret), "{reason}");
            }
        }
        writeln!(table, "{} good, {} bad", roster.rows.len(), roster.bad_lines).unwrap();
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused_for_its_reason() {
        let told = |bytes: &[u8]| read(bytes, &lists(), None).unwrap_err();
        assert_eq!(told(b""), RosterError::Empty);
        assert_eq!(told(b"\n\n"), RosterError::Empty);
        assert_eq!(told(&vec![b'a'; MAX_BYTES + 1]), RosterError::TooLarge);
        assert_eq!(told(b"\xFF\xFEn\0"), RosterError::Utf16);
        assert_eq!(told(b"name,phone\n\0"), RosterError::Binary { line: 2 });
        assert_eq!(told(b"name\n\xFF\xFF\xFF"), RosterError::NotText { line: 2, byte: 6 });
        assert_eq!(told("name\n\u{FFFD}".as_bytes()), RosterError::Damaged { line: 2 });
        assert_eq!(told(b"name,phone,community,kind,religion\n"), RosterError::UnknownColumn(5));
        assert_eq!(told("name,姓名,community,kind\n".as_bytes()), RosterError::RepeatedColumn(Column::Name));
        assert_eq!(told(b"name,phone,kind\n"), RosterError::MissingColumn(Column::Community));
        let many = format!("name,phone,community,kind\n{}", "a,b,c,d\n".repeat(MAX_ROWS + 1));
        assert_eq!(told(many.as_bytes()), RosterError::TooManyRows);
    }

    #[test]
    fn a_district_is_read_whole() {
        let mut file = "name,phone,community,kind\n".to_owned();
        for i in 0..13_000 {
            writeln!(file, "某人{i}甲,1380{i:07},d.s.plum,resident").unwrap();
        }
        let roster = read(file.as_bytes(), &lists(), None).unwrap();
        assert_eq!((roster.rows.len(), roster.bad_count), (13_000, 0), "{:?}", roster.bad.first());
        assert_eq!(roster.rows[12_999].line, 13_001);
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), lines in "[name,phkid社区\"\n;\t ]{0,120}") {
            let _ = read(&bytes, &lists(), None);
            let text = format!("name,phone,community,kind\n{lines}");
            let _ = read(text.as_bytes(), &lists(), None);
        }
    }
}
