//! A table in, the same without its kills out: what policies say, whatever somebody stopped for now.

use std::borrow::Cow;

use polity_runtime::table::{NONE, Table, record};

/// The table without its kills; itself, where it has none.
pub(crate) fn without_kills(table: &Table) -> Cow<'_, Table> {
    let data = table.data();
    if data.kills.is_empty() {
        return Cow::Borrowed(table);
    }
    let mut data = data.clone();
    data.organization
        .iter_mut()
        .for_each(|r| r[record::organization::KILL] = NONE);
    data.deployments
        .iter_mut()
        .for_each(|r| r[record::deployment::KILL] = NONE);
    data.environments
        .iter_mut()
        .for_each(|r| r[record::environment::KILL] = NONE);
    data.tools.iter_mut().for_each(|r| r[record::tool::KILL] = NONE);
    // Nothing but references to kills went away, so it holds together as before.
    Table::new(data).map_or(Cow::Borrowed(table), Cow::Owned)
}
