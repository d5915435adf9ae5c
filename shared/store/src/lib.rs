//! The records in DynamoDB.
//!
//! A command is [`Store::load`] (one `BatchGetItem` for the actor and what is acted on),
//! a pure decision in the domain, and one commit (one `TransactWriteItems` or `PutItem`).
//!
//! | to change … | go to |
//! |---|---|
//! | the grammar of a key | [`keys`] |
//! | a table or an index | [`tables`] |
//! | what is written with a report's event | [`reports`] |
//! | on which reports the clock must act | [`due`] |
//! | media records | [`media`] |
//! | the audit of reads | [`audit`] |
//! | members, invites, the lists of a district | [`members`] |
//! | briefings, who has read them, what they are made from | [`documents`] |
//! | sealed identities and their opening | [`identities`] |
//! | what people are told, and their inboxes | [`notices`] |
//! | hand-overs, their lists, and what the clock has to look at | [`handovers`] |
//! | tasks, what reporters do with them, and the counts | [`tasks`] |
//! | outcomes | [`outcomes`] |
//! | rewards, funds, rules | [`rewards`] |
//! | runs of period awards, and what gives points | [`awards`] |
//! | the counters of the statistics, and their recount | [`tallies`], [`recount`] |
//! | the records that the proof of the money goes by | [`proof`] |
//! | the webhooks of agencies, and their deliveries | [`webhooks`] |
//! | how shares are paid, and batches of transfers | [`payouts`], [`batches`] |
//! | what a stream record means | [`stream`] |
//! | how values become attributes | `attributes`, [`item`] |
//! | how lists are paged | `pages`, [`cursor`] |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attributes;
pub mod audit;
pub mod awards;
pub mod batches;
pub mod cursor;
pub mod documents;
pub mod due;
pub mod exports;
mod fault;
pub mod handovers;
pub mod identities;
pub mod item;
pub mod keys;
mod load;
pub mod media;
pub mod members;
pub mod notices;
pub mod outcomes;
mod pages;
pub mod payouts;
pub mod proof;
pub mod recount;
pub mod reports;
pub mod rewards;
pub mod stream;
pub mod tables;
pub mod tallies;
pub mod tasks;
pub mod webhooks;

use std::sync::{Arc, atomic::AtomicUsize};

use aws_sdk_dynamodb::Client;

pub use crate::{
    cursor::CursorKey,
    keys::{Index, Key},
    load::Loaded,
    reports::{CommitError, List, Page, Summary},
    tables::TableNames,
};

/// The records, behind one client.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    tables: TableNames,
    cursor_key: CursorKey,
    /// How many merged lists were begun with this client.
    merged: Arc<AtomicUsize>,
}

impl Store {
    /// The records in these tables. `cursor_key` signs the cursors of lists.
    pub fn new(client: Client, tables: TableNames, cursor_key: CursorKey) -> Self {
        Self { client, tables, cursor_key, merged: Arc::default() }
    }

    /// The names of the tables.
    pub fn tables(&self) -> &TableNames {
        &self.tables
    }
}
