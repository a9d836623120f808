//! A host name as written comes in, the one spelling that is compared goes out. Knows neither DNS nor IDNA.
//!
//! A host that is not ASCII is an error: the compiler converts constants with IDNA, and a client does so before it
//! asks. So is every spelling of an IPv4 address but four decimal numbers (`127.1`, `0x7f.1`, `2130706433`): a
//! resolver takes them, and a rule about `127.0.0.1` would not.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Fault;

/// RFC 1035, section 2.3.4: 255 octets on the wire are 253 characters.
const MAX_HOST: usize = 253;
/// RFC 1035, section 2.3.4.
const MAX_LABEL: usize = 63;

/// The host in lower case, without its trailing dot; borrowed where it is so already.
///
/// # Errors
/// [`Fault::Unsafe`] for anything but labels of ASCII letters, digits, `-` and `_`, and for an IPv4 address in any
/// but its canonical form. An IPv6 address is a host in a url only.
pub fn host(host: &str) -> Result<Cow<'_, str>, Fault> {
    let bare = host.strip_suffix('.').unwrap_or(host);
    if bare.len() > MAX_HOST || !bare.split('.').all(is_label) {
        return Err(Fault::Unsafe);
    }
    let last = bare.rsplit('.').next().unwrap_or(bare);
    if is_numeric(last) && bare.parse::<Ipv4Addr>().is_err() {
        return Err(Fault::Unsafe);
    }
    if bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(Cow::Owned(bare.to_ascii_lowercase()));
    }
    Ok(Cow::Borrowed(bare))
}

/// The host of a url, which may be an IPv6 address in brackets: its canonical form keeps them.
pub(super) fn host_of_url(written: &str) -> Result<Cow<'_, str>, Fault> {
    let Some(rest) = written.strip_prefix('[') else {
        return host(written);
    };
    // A zone (`%eth0`) does not parse, as it should not: it means something on one machine only.
    let address: Ipv6Addr = rest
        .strip_suffix(']')
        .and_then(|inner| inner.parse().ok())
        .ok_or(Fault::Unsafe)?;
    if embeds_ipv4(address) {
        return Err(Fault::Unsafe);
    }
    Ok(Cow::Owned(format!("[{address}]")))
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a resolver may take the whole host for an address because its last label is this one: the WHATWG URL
/// standard's "ends in a number". A bare `0x` counts as zero there.
fn is_numeric(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Whether the address is another spelling of an IPv4 one: mapped (`::ffff:127.0.0.1`), compatible (`::127.0.0.1`)
/// or by way of NAT64 (RFC 6052's `64:ff9b::/96`).
fn embeds_ipv4(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => true,
        [0, 0, 0, 0, 0, 0, high, low] => !(high == 0 && low <= 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_host_are_one() {
        for (written, normal) in [
            ("Acme.EXAMPLE.", "acme.example"),
            ("localhost", "localhost"),
            ("_dmarc.acme.example", "_dmarc.acme.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1.", "10.0.0.1"),
            ("3com.example", "3com.example"),
            ("1.2.3.example", "1.2.3.example"),
            ("0xcafe.example", "0xcafe.example"),
            ("0xg", "0xg"),
        ] {
            assert_eq!(host(written).as_deref(), Ok(normal), "{written}");
        }
    }

    #[test]
    fn shorthands_of_addresses_are_errors() {
        for written in [
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0X7F.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.01",
            "127.0.0.0x1",
            "0",
            "0x",
            "1.0x",
            "256.1.1.1",
            "1.2.3.4.5",
            "127.0.0.1..",
            "a.1",
            "1.2.3.4e",
        ] {
            let expected = if written == "1.2.3.4e" {
                Ok("1.2.3.4e")
            } else {
                Err(Fault::Unsafe)
            };
            assert_eq!(host(written).as_deref().map_err(|fault| *fault), expected, "{written}");
        }
    }

    #[test]
    fn what_is_no_plain_name_is_an_error() {
        let long = "a".repeat(64);
        let longer = ["a".repeat(63).as_str(); 4].join(".");
        for written in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "-a.example",
            "a-.example",
            "a b",
            " a",
            "a ",
            "a/b",
            "a:80",
            "a@b",
            "a%2eb",
            "a\\b",
            "a\0",
            "a\n",
            "[::1]",
            "::1",
            "bücher.example",
            "аcme.example",
            "acme。example",
            "acme．example",
            "ⓐcme.example",
            "1٢7.0.0.1",
            "acme.example\u{200b}",
            "acme.exa\u{ad}mple",
            &long,
            &longer,
        ] {
            assert_eq!(host(written), Err(Fault::Unsafe), "{written:?}");
        }
    }

    #[test]
    fn a_url_may_have_an_ipv6_host_that_is_not_ipv4_in_disguise() {
        assert_eq!(host_of_url("[2001:DB8::0:1]").as_deref(), Ok("[2001:db8::1]"));
        assert_eq!(host_of_url("[0:0:0:0:0:0:0:1]").as_deref(), Ok("[::1]"));
        for written in [
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[fe80::1%eth0]",
            "[fe80::1%25eth0]",
            "[::1",
            "[]",
            "[v1.x]",
            "[127.0.0.1]",
            "[::1].",
            "[[::1]]",
        ] {
            assert_eq!(host_of_url(written), Err(Fault::Unsafe), "{written}");
        }
    }

    proptest! {
        #[test]
        fn is_idempotent(written in "[a-cA-C0-9x._-]{1,12}") {
            if let Ok(normal) = host(&written) {
                prop_assert!(matches!(host(&normal), Ok(Cow::Borrowed(again)) if again == normal));
            }
        }

        #[test]
        fn a_host_that_the_system_reads_as_an_address_is_one_in_canonical_form(written in "[0-9a-fx.]{1,12}") {
            if let Ok(normal) = host(&written) && normal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
                prop_assert!(normal.parse::<Ipv4Addr>().is_ok());
            }
        }
    }
}
