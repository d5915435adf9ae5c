use std::{fmt::Write as _, str::FromStr as _};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{
    code::Code,
    command::CommandId,
    district::Label,
    error::{Error, Refusal},
    handover::{Handover, HandoverState, Receiver},
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    named::Named as _,
    notice::of_delivery,
    webhook::{
        Attempt, Attempted, Delivery, DeliveryId, DeliveryState, Failure, MAX_ATTEMPTS, MAX_REPLAYS, MAX_SECRETS,
        PAUSES_SECONDS, Webhook, WebhookAction, WebhookEvent, WebhookId, WebhookNews, check_reads, gone, rotate, set,
    },
    webhook_target::{Host, Reach, Target, is_public},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id() -> WebhookId {
    WebhookId { district: "demo".parse().unwrap(), agency: Label::parse("fire").unwrap() }
}

fn member(role: Role, node: &str, agency: Option<&str>) -> Member {
    Member {
        id: MemberId::parse("somebody").unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[b"p"])),
        role,
        node: node.parse().unwrap(),
        body: None,
        agency: agency.map(|agency| Label::parse(agency).unwrap()),
        state: MemberState::Active,
    }
}

fn manager() -> Member {
    member(Role::DistrictManager, "demo", None)
}

fn command(number: u128) -> CommandId {
    CommandId::new(&MemberId::parse("somebody").unwrap(), uuid::Uuid::from_u128(number))
}

fn handover(version: u64, state: HandoverState) -> Handover {
    // Written as a record, so that it reads whatever else hand-overs hold.
    let record = serde_json::json!({
        "id": Code::from_digest(&Digest::of(&[b"handover"])),
        "version": version, "head": Digest::ZERO, "report": Code::from_digest(&Digest::of(&[b"report"])),
        "district": "demo", "node": "demo.north.plum-garden", "category": "hazard", "urgency": "urgent",
        "concerns": "nobody", "receiver": { "to": "agency", "agency": "fire" }, "asks": "请现场检查", "state": state,
        "deadline_hours": 24, "due_at": at(100_000), "made_by": "district-police", "created_by": Digest::ZERO,
        "created_at": at(0), "updated_at": at(i64::try_from(version).unwrap()),
    });
    serde_json::from_value(record).unwrap()
}

fn webhook() -> (Webhook, Vec<WebhookEvent>) {
    let made = set(None, &id(), ("https://hooks.example.org/in", true), Reach::Public, &manager(), at(0));
    let made = made.unwrap().unwrap();
    let rotated = rotate(&made.webhook, "c2VhbGVk".to_owned(), command(1), &manager(), at(1)).unwrap();
    (rotated.webhook, vec![made.event, rotated.event])
}

#[test]
fn good_targets_are_read_in_their_parts() {
    for (text, host, port, path, authority) in [
        ("https://hooks.example.org", "hooks.example.org", 443, "/", "hooks.example.org"),
        ("https://Hooks.Example.org:443/", "hooks.example.org", 443, "/", "hooks.example.org"),
        (
            "https://a.example:8443/in/%E6%B6%88?of=fire&x",
            "a.example",
            8443,
            "/in/%E6%B6%88?of=fire&x",
            "a.example:8443",
        ),
        ("https://a.example?x=1", "a.example", 443, "/?x=1", "a.example"),
        ("https://xn--fiq228c.cn/", "xn--fiq228c.cn", 443, "/", "xn--fiq228c.cn"),
        ("https://8.8.8.8:1024/", "8.8.8.8", 1024, "/", "8.8.8.8:1024"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/", "[2606:4700::1111]"),
        ("https://[2606:4700::1111]:9443/x", "2606:4700::1111", 9443, "/x", "[2606:4700::1111]:9443"),
    ] {
        let target = Target::parse(text, Reach::Public).unwrap_or_else(|why| panic!("{text}: {why}"));
        let read = match &target.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        };
        assert_eq!((read.as_str(), target.port, target.path.as_str(), target.tls), (host, port, path, true), "{text}");
        assert_eq!(target.authority(), authority);
    }
}

#[test]
fn bad_targets_are_refused() {
    let long = format!("https://a.example/{}", "x".repeat(500));
    let label = format!("https://{}.example/", "x".repeat(64));
    for text in [
        "",
        "hooks.example.org",
        "ftp://hooks.example.org/",
        "http://hooks.example.org/",
        "HTTPS://hooks.example.org/",
        "https:/hooks.example.org/",
        "https://",
        "https:///path",
        "https://user@hooks.example.org/",
        "https://user:pass@hooks.example.org/",
        "https://hooks.example.org@127.0.0.1/",
        "https://hooks.example.org#x",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\n",
        "https://消防.cn/",
        "https://hooks.example.org:/",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:22/",
        "https://hooks.example.org:80/",
        "https://hooks.example.org:1023/",
        "https://hooks.example.org:0443/",
        "https://hooks.example.org:+443/",
        "https://hooks.example.org:65536/",
        "https://hooks.example.org:443:443/",
        "https://hooks/",
        "https://localhost/",
        "https://app.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://localhost.localdomain/",
        "https://hooks.example.org./",
        "https://.example.org/",
        "https://a..example/",
        "https://-a.example/",
        "https://a-.example/",
        "https://a_b.example/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://0177.0.0.01/",
        "https://1.2.3/",
        "https://a.example.0x1/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://::1/",
        "https://[2606:4700::1111/",
        "https://[2606:4700::1111]x/",
        "http://127.0.0.1:8080/",
        &long,
        &label,
    ] {
        assert!(Target::parse(text, Reach::Public).is_err(), "{text}");
    }
}

#[test]
fn this_machine_is_reached_where_that_was_said_and_nothing_else_is() {
    let here = Target::parse("http://127.0.0.1:8080/in", Reach::ThisMachineToo).unwrap();
    assert_eq!((here.port, here.tls, here.authority().as_str()), (8080, false, "127.0.0.1:8080"));
    assert!(here.allows("127.0.0.1".parse().unwrap()));
    for address in ["127.0.0.2", "8.8.8.8", "::1", "0.0.0.0"] {
        assert!(!here.allows(address.parse().unwrap()), "{address}");
    }
    for text in [
        "http://127.0.0.1/",
        "http://127.0.0.2:8080/",
        "http://10.0.0.1:8080/",
        "http://8.8.8.8:8080/",
        "http://[::1]:8080/",
        "http://hooks.example.org:8080/",
        "https://127.0.0.1:8080/",
        "https://10.0.0.1/",
    ] {
        assert!(Target::parse(text, Reach::ThisMachineToo).is_err(), "{text}");
    }
    // A name is public there as well.
    let named = Target::parse("https://hooks.example.org/", Reach::ThisMachineToo).unwrap();
    assert!(!named.allows("127.0.0.1".parse().unwrap()));
}

/// Every special-purpose block of IANA's registries that is not globally reachable, with its
/// first and last address and what lies just outside.
#[test]
fn no_special_purpose_block_is_public() {
    for (first, last, before, after) in [
        ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
        ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
        ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
        ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
        ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
        ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
        ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
        ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
        ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
        ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
        ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
        ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
        ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
        ("168.63.129.16", "168.63.129.16", Some("168.63.129.15"), Some("168.63.129.17")),
        ("224.0.0.0", "255.255.255.255", Some("223.255.255.255"), None),
        ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2000::")),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000:ffff::"), Some("2001:200::")),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:db7:ffff::"), Some("2001:db9::")),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:ffff::"), Some("2003::")),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3ffe:ffff::"), Some("3fff:1000::")),
        ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3fff:ffff::"), None),
    ] {
        for inside in [first, last] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in [before, after].into_iter().flatten() {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
    for inside in ["::1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::808:808", "100::1", "fc00::1", "fe80::1", "ff02::1"]
    {
        assert!(!is_public(inside.parse().unwrap()), "{inside}");
    }
}

/// The blocks that are no global unicast, as the registries write them.
const NOT_PUBLIC: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 \
    255.255.255.255/32 168.63.129.16/32";
const NOT_PUBLIC_V6: &str = "::/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1";

fn is_listed(address: u128, width: u32, blocks: &str) -> bool {
    blocks.split_whitespace().any(|block| {
        let (network, length) = block.split_once('/').unwrap();
        let network = match core::net::IpAddr::from_str(network).unwrap() {
            core::net::IpAddr::V4(network) => u128::from(network.to_bits()),
            core::net::IpAddr::V6(network) => network.to_bits(),
        };
        let shift = width - length.parse::<u32>().unwrap();
        address.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn no_address_outside_of_global_unicast_passes(v4: u32, v6: u128, block in 0..20_usize, low: u64) {
        prop_assert_eq!(is_public(core::net::Ipv4Addr::from_bits(v4).into()), !is_listed(v4.into(), 32, NOT_PUBLIC));
        // Random addresses of IPv6 seldom lie in a small block, so that each block has its own.
        let blocks: Vec<&str> = NOT_PUBLIC_V6.split_whitespace().collect();
        let network = blocks[block % blocks.len()].split_once('/').unwrap().0;
        let near = network.parse::<core::net::Ipv6Addr>().unwrap().to_bits() ^ (u128::from(low) << 64) >> (block * 3);
        for address in [v6, near, v6 & !(7 << 125) | 1 << 125] {
            let expected = !is_listed(address, 128, NOT_PUBLIC_V6);
            prop_assert_eq!(is_public(core::net::Ipv6Addr::from_bits(address).into()), expected);
        }
    }

    #[test]
    fn targets_never_panic_and_never_name_an_inside(text in "(https?://)?[a-z0-9.:\\[\\]@%/?-]{0,40}", any in ".{0,40}") {
        for text in [text, any] {
            if let Ok(target) = Target::parse(&text, Reach::Public) {
                prop_assert!(target.tls && (target.port == 443 || target.port > 1_023), "{}", text);
                if let Host::Address(address) = target.host {
                    prop_assert!(is_public(address), "{}", text);
                }
            }
        }
    }
}

#[test]
fn a_webhook_is_a_chain_of_its_changes() {
    use WebhookAction::{Gone, RotateSecret, Set};
    let (webhook, mut events) = webhook();
    assert_eq!((webhook.version, webhook.is_ready()), (2, true));
    let same = set(Some(&webhook), &id(), (&webhook.url, true), Reach::Public, &manager(), at(2)).unwrap();
    assert_eq!(same, None, "what changes nothing is no event");
    let off = set(Some(&webhook), &id(), (&webhook.url, false), Reach::Public, &manager(), at(3)).unwrap().unwrap();
    assert!(!off.webhook.is_ready());
    let on = set(Some(&off.webhook), &id(), (&webhook.url, true), Reach::Public, &manager(), at(4)).unwrap().unwrap();
    let gone = gone(&on.webhook, &webhook.url, at(5)).unwrap().unwrap();
    assert_eq!((gone.webhook.active, gone.webhook.gone_at), (false, Some(at(5))));
    assert_eq!((&gone.event.actor, gone.event.role), (&MemberId::clock(), Role::Clock));
    events.extend([off.event, on.event, gone.event]);
    let mut previous = Digest::ZERO;
    for (seq, event) in (1..).zip(&events) {
        assert_eq!((event.seq, event.previous, event.hash), (seq, previous, event.compute_hash().unwrap()));
        previous = event.hash;
        let altered = WebhookEvent { url: "https://evil.example/".to_owned(), ..event.clone() };
        assert_ne!(altered.compute_hash().unwrap(), event.hash);
    }
    assert_eq!(previous, gone.webhook.head);
    let actions: Vec<_> = events.iter().map(|event| event.action).collect();
    assert_eq!(actions, [Set, RotateSecret, Set, Set, Gone]);
    let refused = set(None, &id(), ("https://127.0.0.1/", true), Reach::Public, &manager(), at(0)).unwrap_err();
    assert!(matches!(&refused, Error::Invalid(bad) if bad[0].pointer == "/url"), "{refused}");
}

#[test]
fn only_the_receiver_that_was_called_switches_a_webhook_off() {
    let (webhook, _) = webhook();
    assert_eq!(gone(&webhook, "https://other.example/", at(5)).unwrap(), None);
    let off = Webhook { active: false, ..webhook.clone() };
    assert_eq!(gone(&off, &webhook.url, at(5)).unwrap(), None);
}

#[test]
fn an_old_secret_is_signed_with_for_a_day_more() {
    let (first, _) = webhook();
    let second = rotate(&first, "dHdv".to_owned(), command(2), &manager(), at(100)).unwrap().webhook;
    let sealed = |webhook: &Webhook, now| -> Vec<String> {
        webhook.valid_secrets(now).map(|secret| secret.sealed.clone()).collect()
    };
    let day = 24 * 3_600;
    assert_eq!(sealed(&second, at(100)), ["dHdv", "c2VhbGVk"]);
    assert_eq!(sealed(&second, at(100 + day - 1)), ["dHdv", "c2VhbGVk"]);
    assert_eq!(sealed(&second, at(100 + day)), ["dHdv"]);
    // A further one leaves the end of the first as it was.
    let third = rotate(&second, "MzM=".to_owned(), command(3), &manager(), at(200)).unwrap().webhook;
    assert_eq!(sealed(&third, at(100 + day)), ["MzM=", "dHdv"]);
    assert_eq!(sealed(&third, at(200 + day)), ["MzM="]);
    let mut many = third;
    for number in 4..=MAX_SECRETS {
        many = rotate(&many, "eA==".to_owned(), command(number as u128), &manager(), at(300)).unwrap().webhook;
    }
    let refused = rotate(&many, "eA==".to_owned(), command(99), &manager(), at(301));
    assert_eq!(refused, Err(Refusal::TooManySecrets.into()));
    assert!(rotate(&many, "eA==".to_owned(), command(99), &manager(), at(300 + day)).is_ok());
}

#[test]
fn who_may_read_a_webhook() {
    let known = |reader: &Member, is_set: bool| check_reads(reader, &id(), None, is_set).is_ok();
    assert!(known(&manager(), true));
    assert!(!known(&manager(), false), "an agency that is not in the list has none");
    assert!(known(&member(Role::Auditor, "demo", None), true));
    assert!(known(&member(Role::AgencyHandler, "demo", Some("fire")), true));
    assert!(!known(&member(Role::AgencyHandler, "demo", Some("water")), true));
    assert!(!known(&member(Role::AgencyHandler, "demo", None), true));
    assert!(!known(&member(Role::DistrictManager, "other", None), true));
}

#[test]
fn a_delivery_is_of_one_version_and_says_next_to_nothing() {
    let one = Delivery::of(&handover(3, HandoverState::Asked), at(9)).unwrap();
    let again = Delivery::of(&handover(3, HandoverState::Asked), at(99)).unwrap();
    assert_eq!(one.id, again.id);
    assert_ne!(one.id, Delivery::of(&handover(4, HandoverState::Asked), at(9)).unwrap().id);
    assert_eq!(one.id.to_string().parse(), Ok(one.id));
    let other = Handover {
        receiver: Receiver::District { district: "other".parse().unwrap() },
        ..handover(3, HandoverState::Asked)
    };
    assert_eq!(Delivery::of(&other, at(9)), None);
    let code = one.handover;
    let payload = String::from_utf8(one.payload().unwrap()).unwrap();
    let expected = format!(
        r#"{{"type":"handover.asked","timestamp":"2027-01-15T08:00:03Z","data":{{"handover":"{code}","version":3}}}}"#
    );
    assert_eq!(payload, expected);
    for bad in ["", "1-2-3", "001800000003000-XXXXXXXXXX-3", &format!("1800000003000-{}-3", code.as_str())] {
        assert!(bad.parse::<DeliveryId>().is_err(), "{bad}");
    }
}

fn attempted(delivery: &Delivery, attempt: Attempt) -> Attempted {
    delivery.after(delivery, attempt).unwrap().unwrap()
}

#[test]
fn a_delivery_is_tried_after_each_pause_and_then_given_up() {
    let mut delivery = Delivery::of(&handover(1, HandoverState::Offered), at(0)).unwrap();
    let mut now = at(0);
    for (tries, pause) in (1_u8..).zip(PAUSES_SECONDS) {
        assert_eq!(delivery.due_at(), Some(now));
        let Attempted { delivery: after, news } = attempted(&delivery, Attempt::answered(now, 503));
        now = now.checked_add(SignedDuration::from_secs(pause)).unwrap();
        assert_eq!((after.tries, after.state, news), (tries, DeliveryState::Pending, None));
        delivery = after;
    }
    assert_eq!(now.duration_since(at(0)), SignedDuration::from_secs(5 + 300 + 1_800 + 7_200 + 18_000 + 36_000));
    let last = attempted(&delivery, Attempt::failed(now, Failure::Timeout));
    assert_eq!((last.delivery.state, last.delivery.due_at()), (DeliveryState::Failed, None));
    assert_eq!(last.news, Some(WebhookNews::DeliveryFailed));
    assert_eq!(last.delivery.attempts.len(), PAUSES_SECONDS.len() + 1);
    // By hand it begins anew, under the same id.
    let replayed = last.delivery.replay(&manager(), at(200_000)).unwrap();
    assert_eq!((replayed.id, replayed.tries, replayed.due_at()), (delivery.id, 0, Some(at(200_000))));
    let taken = attempted(&replayed, Attempt::answered(at(200_001), 204));
    assert_eq!((taken.delivery.state, taken.news), (DeliveryState::Delivered, None));
}

#[test]
fn what_an_answer_means() {
    let pending = Delivery::of(&handover(1, HandoverState::Offered), at(0)).unwrap();
    for (status, state, failure) in [
        (200, DeliveryState::Delivered, None),
        (299, DeliveryState::Delivered, None),
        (302, DeliveryState::Pending, Some(Failure::Status)),
        (400, DeliveryState::Pending, Some(Failure::Status)),
        (410, DeliveryState::Failed, Some(Failure::Gone)),
        (500, DeliveryState::Pending, Some(Failure::Status)),
    ] {
        let after = attempted(&pending, Attempt::answered(at(1), status));
        assert_eq!((after.delivery.state, after.delivery.attempts[0].failure), (state, failure), "{status}");
        assert_eq!(after.news, (status == 410).then_some(WebhookNews::Gone));
    }
    let off = attempted(&pending, Attempt::failed(at(1), Failure::SwitchedOff));
    assert_eq!((off.delivery.state, off.news), (DeliveryState::Failed, None));
    let later = pending.put_off(at(1)).unwrap();
    assert_eq!((later.tries, later.due_at()), (0, Some(at(61))));
}

#[test]
fn of_two_senders_a_success_is_never_lost_and_a_failure_counts_once() {
    let begun = Delivery::of(&handover(1, HandoverState::Offered), at(0)).unwrap();
    let failed = attempted(&begun, Attempt::answered(at(1), 500)).delivery;
    let taken = attempted(&begun, Attempt::answered(at(1), 200)).delivery;
    assert_eq!(failed.after(&begun, Attempt::answered(at(2), 500)).unwrap(), None);
    assert_eq!(taken.after(&begun, Attempt::answered(at(2), 500)).unwrap(), None);
    assert_eq!(taken.after(&begun, Attempt::answered(at(2), 200)).unwrap(), None);
    let won = failed.after(&begun, Attempt::answered(at(2), 200)).unwrap().unwrap().delivery;
    assert_eq!((won.state, won.attempts.len()), (DeliveryState::Delivered, 2));
}

#[test]
fn what_is_kept_of_a_delivery_is_bounded() {
    let mut delivery = Delivery::of(&handover(1, HandoverState::Offered), at(0)).unwrap();
    for _ in 0..MAX_REPLAYS {
        delivery = delivery.replay(&manager(), at(0)).unwrap();
        for _ in 0..5 {
            delivery = attempted(&delivery, Attempt::answered(at(1), 500)).delivery;
        }
    }
    assert_eq!(delivery.attempts.len(), MAX_ATTEMPTS);
    assert_eq!(delivery.replay(&manager(), at(0)), Err(Refusal::TooManyReplays.into()));
}

#[test]
fn the_district_is_told_a_code_and_an_agency() {
    let delivery = Delivery::of(&handover(1, HandoverState::Offered), at(0)).unwrap();
    let mut told = String::new();
    for news in WebhookNews::ALL {
        let notice = of_delivery(&delivery, *news, at(9));
        assert_eq!(notice.what.action(), news.name());
        let (zh, en) = (&notice.text.zh_cn, &notice.text.en);
        writeln!(told, "{news} {:?} {}\n  {zh}\n  {en}", notice.to, notice.deduplication_key).unwrap();
    }
    insta::assert_snapshot!("what_is_told_of_webhooks", told);
}
