//! The two readers of arguments against each other: the runtime's, and the reference evaluator's, which was written
//! apart. What one reads the other reads, to the same value.

use polity_runtime::value;
use polity_tests::normal;
use proptest::prelude::*;

fn check_path(text: &str) {
    let read = value::path(text).ok().map(|path| path.into_owned());
    assert_eq!(read, normal::path(text), "{text:?}");
}

fn check_host(text: &str) {
    let read = value::host(text).ok().map(|host| host.into_owned());
    assert_eq!(read, normal::host(text), "{text:?}");
}

fn check_email(text: &str) {
    let read = value::email(text).ok();
    let read = read.map(|email| (email.local.into_owned(), email.host.into_owned()));
    assert_eq!(read, normal::email(text), "{text:?}");
}

/// Escapes and addresses in brackets are the runtime's alone: the reference evaluator's calls have none.
fn check_url(text: &str) {
    let read = value::url(text).ok();
    let read = read.map(|url| {
        (
            url.scheme.into_owned(),
            url.host.into_owned(),
            url.port,
            url.path.into_owned(),
        )
    });
    let expected = normal::url(text).map(|url| (url.scheme, url.host, url.port, url.path));
    assert_eq!(read, expected, "{text:?}");
}

#[test]
fn named_cases_are_read_alike() {
    for text in [
        "",
        "/",
        "/..",
        "/../etc",
        "a/..",
        "..",
        ".",
        "//a",
        "/srv/../etc",
        "a\0b",
        "/a/../..",
        "./../a",
    ] {
        check_path(text);
    }
    for text in [
        "",
        ".",
        "a.",
        "a..",
        "-a",
        "a-",
        "A.B",
        "127.1",
        "127.0.0.1",
        "0x7f.1",
        "0x",
        "0xg",
        "a_b",
        "1.2.3.4.",
        "08.0.0.1",
        "bücher.example",
        "a b",
        "1",
        "01.2.3.4",
        "a.0x1F",
        "a.0X1",
    ] {
        check_host(text);
        check_email(&format!("x@{text}"));
        check_url(&format!("https://{text}/a"));
    }
    for text in [
        "@", "a", "a@b@c", ".a@b", "a.@b", "a..b@c", "a%b@c", "a!b@c", "\"a\"@b", "é@b", "a@", "@b",
    ] {
        check_email(text);
    }
    for text in [
        "https://",
        "https:///a",
        "file:///a",
        "file:////a",
        "file:///../a",
        "http://a:0/",
        "http://a:65536/",
        "http://a:/",
        "http://u@a/",
        "http://a?@b",
        "http://a#@b",
        "http://a/?@b",
        "http://a\\b",
        "1http://a",
        "HTTP://A",
        "http:/a",
        "http://a/../b",
        "http://a/./b//c/",
        "http://a:080/",
        "http://a:+80/",
        "ssh://a",
        "x://a",
        "http://a/;x",
        "http://a/.;",
        "http://a/..;x/b",
        "http://a/b/...;",
        "file:///.;a",
        "//a",
    ] {
        check_url(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_are_read_alike(text in "[./aéB\\\\]{0,14}|(/?(\\.\\.|\\.|a|é|B c)){0,6}/?") {
        check_path(&text);
    }

    #[test]
    fn hosts_are_read_alike(text in "[a-cA-F0-9x._-]{0,12}|([0-9]{1,3}\\.){1,4}[0-9x]{0,3}|(0[xX])?[0-9a-f]{1,9}\\.?|(a{60,64}\\.){1,5}") {
        check_host(&text);
    }

    #[test]
    fn mail_addresses_are_read_alike(text in "[a-bA.%!+\"@ é]{0,8}@[a-bA0-1.-]{0,8}|a{60,66}@b") {
        check_email(&text);
    }

    #[test]
    fn urls_are_read_alike(text in "(http|https|ftp|ssh|file|HtTp|x1|1x)(://|:/|:)[ab.0-1@-]{0,6}(:[0-9]{0,6})?(/[ab./;@!-]{0,8})?([?#][ab@/]{0,5})?") {
        check_url(&text);
    }

    #[test]
    fn folding_is_alike(text in "\\PC{0,12}") {
        let read = value::fold(&text).into_owned();
        prop_assert_eq!(read, normal::fold(&text));
    }

    #[test]
    fn addresses_are_read_alike(text in "([0-9]{1,3}\\.){3}[0-9]{1,3}(/[0-9]{0,3})?|[0-9a-fF:./]{0,14}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(/1?[0-9]{1,2})?") {
        let read = value::ip(&text).ok().map(|ip| (ip.address, ip.prefix));
        prop_assert_eq!(read, normal::ip(&text));
    }

    #[test]
    fn decimal_literals_are_read_alike(text in "-?[0-9]{0,16}\\.?[0-9]{0,5}|-?92233720368547[0-9]{1,2}\\.[0-9]{4}") {
        prop_assert_eq!(value::decimal(&text).ok(), normal::decimal_literal(&text));
    }

    #[test]
    fn durations_are_read_alike(text in "-?([0-9]{1,3}d)?([0-9]{1,3}h)?([0-9]{1,3}m)?([0-9]{1,3}s)?([0-9]{1,20}ms)?|-?([0-9]{1,12}(d|h|m|s|ms)){0,3}") {
        prop_assert_eq!(value::duration(&text).ok(), normal::duration(&text));
    }

    #[test]
    fn moments_are_read_alike(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,4})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9])") {
        prop_assert_eq!(value::datetime(&text).ok(), normal::datetime(&text));
    }
}
