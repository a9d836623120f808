//! The values of arguments against Cedar's: what one reads the other reads, to the same value.

use cedar_policy::{Context, Entities, EvalResult, Expression, Request, eval_expression};
use polity_runtime::value::{self, ANY, Fault, IpNet};
use proptest::prelude::*;

/// What Cedar makes of an expression; `None` where it errs.
fn cedar(expression: &str) -> Option<EvalResult> {
    let [principal, action, resource] = [r#"U::"p""#, r#"Action::"a""#, r#"R::"r""#].map(|uid| uid.parse().unwrap());
    let request = Request::new(principal, action, resource, Context::empty(), None).unwrap();
    let expression: Expression = expression
        .parse()
        .unwrap_or_else(|error| panic!("{expression}: {error}"));
    eval_expression(&request, &Entities::empty(), &expression).ok()
}

fn long(expression: &str) -> Option<i64> {
    match cedar(expression)? {
        EvalResult::Long(value) => Some(value),
        other => panic!("{expression} is {other:?}"),
    }
}

fn boolean(expression: &str) -> Option<bool> {
    match cedar(expression)? {
        EvalResult::Bool(value) => Some(value),
        other => panic!("{expression} is {other:?}"),
    }
}

/// Both read the text, to the same address, or neither does.
fn check_ip(text: &str) {
    match value::ip(text) {
        Ok(ip) => assert_eq!(boolean(&format!(r#"ip("{text}") == ip("{ip}")"#)), Some(true), "{text}"),
        Err(_) => assert!(cedar(&format!(r#"ip("{text}")"#)).is_none(), "{text}"),
    }
}

fn check_decimal(text: &str) {
    match value::decimal(text) {
        Ok(units) => {
            let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
            let canonical = format!("{sign}{}.{:04}", units / 10_000, units % 10_000);
            assert_eq!(
                boolean(&format!(r#"decimal("{text}") == decimal("{canonical}")"#)),
                Some(true),
                "{text}"
            );
        }
        Err(_) => assert!(cedar(&format!(r#"decimal("{text}")"#)).is_none(), "{text}"),
    }
}

fn check_duration(text: &str) {
    assert_eq!(
        value::duration(text).ok(),
        long(&format!(r#"duration("{text}").toMilliseconds()"#)),
        "{text}"
    );
}

/// A moment in RFC 3339 against the same in Cedar's spelling: three places, and an offset without its colon.
fn check_datetime(date: &str, time: &str, places: &str, offset: &str) {
    let places_of_cedar = if places.is_empty() {
        String::new()
    } else {
        format!(".{places:0<3}")
    };
    let places = if places.is_empty() {
        String::new()
    } else {
        format!(".{places}")
    };
    let text = format!("{date}T{time}{places}{offset}");
    let of_cedar = format!("{date}T{time}{places_of_cedar}{}", offset.replace(':', ""));
    let expression = format!(r#"datetime("{of_cedar}").durationSince(datetime("1970-01-01")).toMilliseconds()"#);
    assert_eq!(value::datetime(&text).ok(), long(&expression), "{text}");
}

#[test]
fn addresses_are_cedars() {
    for text in [
        "",
        "127.0.0.1",
        "127.0.0.1/0",
        "127.0.0.1/32",
        "127.0.0.1/33",
        "127.0.0.1/00",
        "127.0.0.1/08",
        "127.0.0.1/",
        "127.1",
        "01.2.3.4",
        "1.2.3.4.5",
        "256.0.0.1",
        "::",
        "::1/128",
        "::1/129",
        "::1/0128",
        "1::2::3",
        "fe80::1%1",
        "::ffff:1.2.3.4",
        "::1.2",
        "1.2:3:4",
        "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128",
        "[::1]",
        " ::1",
        "::1/+1",
        "0:0:0:0:0:0:0:1",
        "00000::1",
        "::ffff:7f00:1",
        "1.2.3.4/1/1",
        "/8",
        "1.2.3.4/ 8",
    ] {
        check_ip(text);
    }
}

#[test]
fn decimals_are_cedars() {
    for text in [
        "0.0",
        "-0.0",
        "1.2345",
        "1.23456",
        "1.",
        ".1",
        "1",
        "+1.0",
        "00.10",
        "922337203685477.5807",
        "922337203685477.5808",
        "-922337203685477.5808",
        "-922337203685477.5809",
        "1.0e1",
        "--1.0",
        "1.-1",
        "٣.١",
        "",
        "99999999999999999999.0",
    ] {
        check_decimal(text);
    }
}

#[test]
fn durations_are_cedars() {
    for text in [
        "",
        "-",
        "0ms",
        "1d2h3m4s5ms",
        "-1d2h3m4s5ms",
        "1h1d",
        "1ms1s",
        "1",
        "1dd",
        "00001d",
        "9223372036854775807ms",
        "9223372036854775808ms",
        "-9223372036854775808ms",
        "-9223372036854775809ms",
        "18446744073709551616ms",
        "106751991167d",
        "106751991168d",
        "-106751991168d",
        "9223372036854775807ms1s",
        "1w",
        "1D",
        "1 d",
        "+1d",
        "1.5h",
        "5m5ms",
        "5ms5m",
    ] {
        check_duration(text);
    }
}

#[test]
fn moments_are_cedars() {
    for (date, time, places, offset) in [
        ("1970-01-01", "00:00:00", "", "Z"),
        ("0000-01-01", "00:00:00", "", "+23:59"),
        ("9999-12-31", "23:59:59", "999", "-23:59"),
        ("2024-02-29", "12:00:00", "5", "Z"),
        ("2023-02-29", "12:00:00", "", "Z"),
        ("2000-02-29", "12:00:00", "", "Z"),
        ("1900-02-29", "12:00:00", "", "Z"),
        ("2016-12-31", "23:59:60", "", "Z"),
        ("2026-01-01", "24:00:00", "", "Z"),
        ("2026-01-01", "00:00:00", "", "+24:00"),
        ("2026-01-01", "00:00:00", "", "+00:60"),
        ("2026-01-01", "00:00:00", "", "-00:00"),
    ] {
        check_datetime(date, time, places, offset);
    }
    // What Cedar takes and RFC 3339 does not, and the other way about.
    assert_eq!(value::datetime("2026-01-01"), Err(Fault::WrongType));
    assert_eq!(value::datetime("2026-01-01T00:00:00+0100"), Err(Fault::WrongType));
}

fn any_ip() -> impl Strategy<Value = IpNet> {
    let (v4, v6) = (
        "(10|11|127|224|239|255)\\.(0|1|255)\\.0\\.[0-9]",
        "(::|ff0[0-9]::|fe80::)[0-3]",
    );
    let prefixed = prop_oneof![(v4, 0..33u8), (v6, 0..129u8)];
    prefixed.prop_map(|(address, prefix)| value::ip(&format!("{address}/{prefix}")).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_address_is_cedars(text in "([0-9]{1,3}\\.){3}[0-9]{1,3}(/[0-9]{1,3})?|[0-9a-fF:./]{0,14}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}") {
        check_ip(&text);
    }

    #[test]
    fn what_is_said_of_addresses_is_what_cedar_says(one in any_ip(), other in any_ip()) {
        let ask = |method: &str| boolean(&format!(r#"ip("{one}").{method}"#)).unwrap();
        prop_assert_eq!(one.is_in_range(&other), ask(&format!(r#"isInRange(ip("{other}"))"#)));
        prop_assert_eq!(one.is_ipv4(), ask("isIpv4()"));
        prop_assert_eq!(one.is_ipv6(), ask("isIpv6()"));
        prop_assert_eq!(one.is_loopback(), ask("isLoopback()"));
        prop_assert_eq!(one.is_multicast(), ask("isMulticast()"));
        let equal = boolean(&format!(r#"ip("{one}") == ip("{other}")"#)).unwrap();
        prop_assert_eq!(one == other, equal);
    }

    #[test]
    fn any_decimal_is_cedars(text in "-?[0-9]{0,16}\\.?[0-9]{0,5}|-?92233720368547[0-9]{1,2}\\.[0-9]{4}") {
        check_decimal(&text);
    }

    #[test]
    fn any_duration_is_cedars(text in "-?([0-9]{1,3}d)?([0-9]{1,3}h)?([0-9]{1,3}m)?([0-9]{1,3}s)?([0-9]{1,20}ms)?|-?([0-9]{1,12}(d|h|m|s|ms)){0,3}") {
        check_duration(&text);
    }

    #[test]
    fn any_moment_is_cedars(
        date in "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        time in "[0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
        places in "[0-9]{0,3}",
        offset in "Z|[+-][0-2][0-9]:[0-6][0-9]",
    ) {
        check_datetime(&date, &time, &places, &offset);
    }

    #[test]
    fn like_is_cedars(text in "[abé]{0,10}", pattern in "[abé*]{0,8}") {
        let parts: Vec<u32> = pattern.chars().map(|char| if char == '*' { ANY } else { char.into() }).collect();
        let expected = boolean(&format!(r#""{text}" like "{pattern}""#));
        prop_assert_eq!(Some(value::like(&text, &parts)), expected);
    }
}
