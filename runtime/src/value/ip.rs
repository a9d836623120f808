//! Addresses and ranges of addresses, with the syntax and the meaning of Cedar's `ip`.

use std::fmt;
use std::net::IpAddr;

use super::{Fault, IpNet};

/// The longest text that Cedar takes: `ABCD:EF01:2345:6789:ABCD:EF01:2345:6789/128`.
const MAX_TEXT: usize = 43;

/// Reads what Cedar's `ip()` reads: an address, or an address, a slash and a prefix length.
///
/// # Errors
/// [`Fault::WrongType`] for anything else, such as IPv4 embedded in IPv6 (`::ffff:10.0.0.1`), as Cedar has it.
pub fn ip(text: &str) -> Result<IpNet, Fault> {
    let twice = |char| text.chars().filter(|&other| other == char).count() >= 2;
    if text.len() > MAX_TEXT || (twice(':') && twice('.')) {
        return Err(Fault::WrongType);
    }
    let (address, prefix) = text
        .split_once('/')
        .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| Fault::WrongType)?;
    let longest = width(address);
    let prefix = prefix
        .map_or(Some(longest), |prefix| parse_prefix(prefix, longest))
        .ok_or(Fault::WrongType)?;
    Ok(IpNet { address, prefix })
}

fn parse_prefix(text: &str, longest: u8) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|&prefix| plain && prefix <= longest)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl IpNet {
    /// Cedar's `isIpv4`.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Cedar's `isIpv6`.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.address.is_ipv6()
    }

    /// Cedar's `isLoopback`: all of the range is.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.address.is_loopback() && self.prefix >= if self.is_ipv4() { 8 } else { 128 }
    }

    /// Cedar's `isMulticast`: all of the range is.
    #[must_use]
    pub fn is_multicast(&self) -> bool {
        self.address.is_multicast() && self.prefix >= if self.is_ipv4() { 4 } else { 8 }
    }

    /// Cedar's `isInRange`: all of this range is in the other. A range of one version is never in one of the other.
    #[must_use]
    pub fn is_in_range(&self, other: &IpNet) -> bool {
        let ((low, high), (other_low, other_high)) = (self.bounds(), other.bounds());
        self.is_ipv4() == other.is_ipv4() && other_low <= low && high <= other_high
    }

    /// The first and the last address of the range.
    fn bounds(&self) -> (u128, u128) {
        let (address, width) = match self.address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let free = 128u32.saturating_sub(u32::from(width - self.prefix.min(width)));
        let hosts = u128::MAX.checked_shr(free).unwrap_or(0);
        (address & !hosts, address | hosts)
    }
}

/// In a form that [`ip`] reads back; the prefix length always stands.
impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            // Otherwise written with four decimal numbers, which Cedar does not read.
            IpAddr::V6(address) if address.to_ipv4().is_some() => {
                let [a, b, c, d, e, g, h, i] = address.segments();
                write!(f, "{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{g:x}:{h:x}:{i:x}/{}", self.prefix)
            }
            address => write!(f, "{address}/{}", self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_ranges() {
        for (text, written) in [
            ("10.0.0.1", "10.0.0.1/32"),
            ("10.0.0.1/8", "10.0.0.1/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:1/128"),
            ("FFEE::/64", "ffee::/64"),
        ] {
            assert_eq!(ip(text).map(|ip| ip.to_string()).as_deref(), Ok(written));
            assert_eq!(ip(written), ip(text));
        }
    }

    #[test]
    fn refuses_what_cedar_refuses() {
        for text in [
            "",
            "10.0.0",
            "127.1",
            "010.0.0.1",
            "0x7f.0.0.1",
            "10.0.0.1/33",
            "10.0.0.1/",
            "10.0.0.1/08",
            "10.0.0.1/+8",
            "10.0.0.1/8/8",
            " 10.0.0.1",
            "::ffff:10.0.0.1",
            "::1/129",
            "::1/0128",
            "[::1]",
            "fe80::1%eth0",
            "10.0.0.1:80",
        ] {
            assert_eq!(ip(text), Err(Fault::WrongType), "{text}");
        }
    }

    #[test]
    fn a_range_is_in_a_wider_one() {
        let within = |a, b| ip(a).unwrap().is_in_range(&ip(b).unwrap());
        assert!(within("10.1.2.3", "10.0.0.0/8"));
        assert!(within("10.1.2.3/9", "10.255.0.0/8"));
        assert!(!within("10.0.0.0/7", "10.0.0.0/8"));
        assert!(within("255.255.255.255", "0.0.0.0/0"));
        assert!(within("::1", "::/0"));
        assert!(!within("::a00:1", "10.0.0.0/8"));
        assert!(!within("10.0.0.1", "::/0"));
    }
}
