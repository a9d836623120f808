//! Every diagnostic code: one static and one Markdown page each, grouped by the phase that finds it.

/// Declares codes: `severity NAME "id"`; the page is `<id>.md` beside this file.
macro_rules! codes {
    ($($severity:ident $name:ident $id:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`")]
            pub static $name: $crate::diag::Code = $crate::diag::Code { id: $id, severity: $crate::diag::Severity::$severity, page: include_str!(concat!($id, ".md")) };
        )*
        /// Every code of this group, in declaration order.
        pub static ALL: &[&$crate::diag::Code] = &[$(&$name),*];
    };
}

pub mod condition;
pub mod document;
pub mod lint;
pub mod reference;
pub mod rule;
pub mod source;
pub mod yaml;

pub(crate) use codes;

use super::Code;

/// Every code of every group.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [
        source::ALL,
        yaml::ALL,
        document::ALL,
        reference::ALL,
        condition::ALL,
        rule::ALL,
        lint::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}
