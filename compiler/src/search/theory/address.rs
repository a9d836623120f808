//! Addresses and ranges: tests over one of them come in, one that answers them so goes out, or none.
//!
//! Ranges nest or are apart, so of all ranges that lie within the same ones the widest named one stands for all;
//! spelled in as many ways as there are spellings excluded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use polity_runtime::value::IpNet;

use super::number::Solved;
use crate::ir::{Constant, Op, Term, Test};

/// Looks for an address for which every test comes to what is asked of it.
pub(super) fn solve(tests: &[(&Test, bool)]) -> Solved<IpNet> {
    let mut named: Vec<IpNet> = Vec::new();
    // A constant within the argument: wider ranges than those named matter, and are not all tried.
    let mut turned = false;
    for (test, _) in tests {
        turned |= test.op == Op::IsInRange && matches!(test.left, Term::Constant(_));
        for term in [&test.left, &test.right] {
            match term {
                Term::Constant(Constant::Ip(net)) => named.push(*net),
                Term::Constant(Constant::Set(values)) => named.extend(values.iter().filter_map(|value| match value {
                    Constant::Ip(net) => Some(*net),
                    _ => None,
                })),
                _ => {}
            }
        }
    }
    let fits = |net: &IpNet| tests.iter().all(|(test, wanted)| holds(test, net) == Some(*wanted));
    match candidates(&named).into_iter().find(fits) {
        Some(net) => Solved::Found(net),
        None if turned => Solved::Open,
        None => Solved::Never,
    }
}

/// What a test of one address comes to; `None` where it is another.
fn holds(test: &Test, net: &IpNet) -> Option<bool> {
    let constant = |term: &Term| match term {
        Term::Constant(Constant::Ip(net)) => Some(*net),
        _ => None,
    };
    Some(match test.op {
        Op::IsIpv4 => net.is_ipv4(),
        Op::IsIpv6 => net.is_ipv6(),
        Op::IsLoopback => net.is_loopback(),
        Op::IsMulticast => net.is_multicast(),
        Op::IsInRange => match (constant(&test.left), constant(&test.right)) {
            (None, Some(outer)) => net.is_in_range(&outer),
            (Some(inner), None) => inner.is_in_range(net),
            _ => return None,
        },
        Op::Equal => constant(&test.left).or_else(|| constant(&test.right))? == *net,
        Op::Contains => match &test.left {
            Term::Constant(Constant::Set(values)) => values.contains(&Constant::Ip(*net)),
            _ => return None,
        },
        _ => return None,
    })
}

fn candidates(named: &[IpNet]) -> Vec<IpNet> {
    let net = |address: IpAddr, prefix| IpNet { address, prefix };
    let four = |a, b, c, d, prefix| net(Ipv4Addr::new(a, b, c, d).into(), prefix);
    let six = |a: u16, b: u16, h: u16, prefix| net(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, h).into(), prefix);
    // Single addresses first: that is what calls name.
    let mut all = vec![four(192, 0, 2, 1, 32), six(0x2001, 0xdb8, 1, 128)];
    let known = [
        four(127, 0, 0, 1, 8),
        six(0, 0, 1, 128),
        four(224, 0, 0, 1, 4),
        six(0xff02, 0, 1, 8),
        four(0, 0, 0, 0, 0),
        six(0, 0, 0, 0),
    ];
    let sources: Vec<IpNet> = named.iter().copied().chain(known).collect();
    for source in &sources {
        let width = if source.is_ipv4() { 32 } else { 128 };
        let (low, high) = bounds(source);
        for bits in [
            low.checked_add(1),
            Some(low),
            Some(high),
            low.checked_sub(1),
            high.checked_add(1),
        ]
        .into_iter()
        .flatten()
        {
            all.extend(made(bits, width, width));
        }
        all.push(*source);
        // The same range, spelled so that equality tells the spellings apart.
        for offset in 0..=u128::try_from(sources.len()).unwrap_or(0) {
            let bits = low.saturating_add(offset);
            if bits <= high {
                all.extend(made(bits, width, source.prefix));
            }
        }
    }
    all
}

/// The first and the last address.
fn bounds(net: &IpNet) -> (u128, u128) {
    let (bits, width) = match net.address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32u32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let free = width.saturating_sub(u32::from(net.prefix));
    let hosts = if free >= 128 { u128::MAX } else { (1u128 << free) - 1 };
    (bits & !hosts, bits | hosts)
}

fn made(bits: u128, width: u8, prefix: u8) -> Option<IpNet> {
    let address = match width {
        32 => Ipv4Addr::from(u32::try_from(bits).ok()?).into(),
        _ => Ipv6Addr::from(bits).into(),
    };
    Some(IpNet { address, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use polity_runtime::value::{Slot, ip};

    fn within(range: &str) -> Test {
        Test {
            op: Op::IsInRange,
            left: Term::Slot(Slot(0)),
            right: Term::Constant(Constant::Ip(ip(range).unwrap())),
        }
    }

    #[test]
    fn a_range_within_one_and_beyond_another_is_found() {
        let (outer, inner, apart) = (within("10.0.0.0/8"), within("10.1.0.0/16"), within("192.168.0.0/16"));
        let Solved::Found(found) = solve(&[(&outer, true), (&inner, false)]) else {
            panic!()
        };
        assert!(found.is_in_range(&ip("10.0.0.0/8").unwrap()) && !found.is_in_range(&ip("10.1.0.0/16").unwrap()));
        assert_eq!(solve(&[(&outer, false), (&inner, true)]), Solved::Never);
        assert_eq!(solve(&[(&outer, true), (&apart, true)]), Solved::Never);
        assert!(matches!(solve(&[(&outer, false), (&apart, false)]), Solved::Found(_)));
    }
}
