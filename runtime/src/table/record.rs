//! The word at which each field of a record stands. The numbers are part of the bundle's format.

/// `organization`: the one record of the whole table.
pub mod organization {
    /// The organisation's name, a [`StrId`](super::super::StrId).
    pub const NAME: usize = 0;
    /// The kill that stops everything, or `NONE`.
    pub const KILL: usize = 1;
    /// 1 if this table answers for all, 0 if it was cut to a part.
    pub const WHOLE: usize = 2;
}
/// `deployments`, sorted by name.
pub mod deployment {
    /// `payments/claude-code`.
    pub const NAME: usize = 0;
    /// The agent's name.
    pub const AGENT: usize = 1;
    /// The team's name.
    pub const TEAM: usize = 2;
    /// The first of its placements, which are sorted by environment.
    pub const PLACEMENTS: usize = 3;
    /// How many.
    pub const PLACEMENT_COUNT: usize = 4;
    /// The kill that covers it, or `NONE`.
    pub const KILL: usize = 5;
}
/// `placements`, grouped by deployment.
pub mod placement {
    /// The deployment.
    pub const DEPLOYMENT: usize = 0;
    /// The environment.
    pub const ENVIRONMENT: usize = 1;
    /// The ring.
    pub const RING: usize = 2;
    /// An [`Admission`](super::super::Admission).
    pub const ADMISSION: usize = 3;
    /// The moment it ends, low word first; `i64::MAX` where it does not.
    pub const UNTIL: usize = 4;
    /// The first of its given tools, which are sorted by tool.
    pub const GIVEN: usize = 6;
    /// How many.
    pub const GIVEN_COUNT: usize = 7;
}
/// `given`: a tool and the fragment that decides its actions.
pub mod given {
    /// The tool.
    pub const TOOL: usize = 0;
    /// The place in `fragments` of the piece that holds the tool's first cells.
    pub const FRAGMENT: usize = 1;
}
/// `pieces`: cells of a few actions that follow each other, shared by all fragments that agree on them. `NONE` stands
/// where the tool has no more actions.
pub mod piece {
    /// How many cells a piece has: fewer share better, more are reached with less. Four was the smallest in the
    /// generated organisation of 10,000 rules (8: 1.2 times as large, 16: 1.6 times).
    pub const CELLS: usize = 4;
}
/// `environments`, sorted by name.
pub mod environment {
    /// Its name.
    pub const NAME: usize = 0;
    /// Its rank.
    pub const RANK: usize = 1;
    /// The kill that covers it, or `NONE`.
    pub const KILL: usize = 2;
}
/// `rings`, sorted by name.
pub mod ring {
    /// Its name.
    pub const NAME: usize = 0;
    /// Its level, 0 the most privileged.
    pub const LEVEL: usize = 1;
    /// Calls in [`PER`] milliseconds.
    pub const RATE: usize = 2;
    /// Milliseconds.
    pub const PER: usize = 3;
    /// The bucket's size.
    pub const BURST: usize = 4;
    /// Calls at once.
    pub const CONCURRENT: usize = 5;
}
/// `tools`, sorted by name, then credentials by name.
pub mod tool {
    /// `github`, or `credential.billing-db`.
    pub const NAME: usize = 0;
    /// The first of its classified actions: those with a cell.
    pub const ACTIONS: usize = 1;
    /// How many.
    pub const ACTION_COUNT: usize = 2;
    /// The kill that covers it, or `NONE`.
    pub const KILL: usize = 3;
    /// [`STRICT`], [`CREDENTIAL`].
    pub const FLAGS: usize = 4;
    /// An argument that no parameter declares denies the call.
    pub const STRICT: u32 = 1;
    /// It is a credential.
    pub const CREDENTIAL: u32 = 2;
}
/// `actions`: first those with a cell, grouped by tool; then those that are only a list of variants.
pub mod action {
    /// The full name.
    pub const NAME: usize = 0;
    /// Its tool.
    pub const TOOL: usize = 1;
    /// The effect (0 read, 1 write, 2 destructive), [`EXTERNAL`], [`REVERSIBLE`]; from [`ORDINAL`] on, for one with a
    /// cell, its place among those of its tool.
    pub const FLAGS: usize = 2;
    /// The first of its top-level parameters, sorted by name.
    pub const PARAMETERS: usize = 3;
    /// How many.
    pub const PARAMETER_COUNT: usize = 4;
    /// Slots of its parameters, nested ones included.
    pub const SLOTS: usize = 5;
    /// The first of its variants, in the order in which they are tried.
    pub const VARIANTS: usize = 6;
    /// How many; 0 for an action that has a cell.
    pub const VARIANT_COUNT: usize = 7;
    /// The first of the classes that the session holds afterwards, in `words`.
    pub const READS: usize = 8;
    /// How many.
    pub const READ_COUNT: usize = 9;
    /// Of a credential: milliseconds that it may live, low word first; else 0.
    pub const TTL: usize = 10;
    /// Two bits.
    pub const EFFECT_MASK: u32 = 3;
    /// Seen outside the organisation.
    pub const EXTERNAL: u32 = 4;
    /// Can be undone.
    pub const REVERSIBLE: u32 = 8;
    /// The lowest bit of the place.
    pub const ORDINAL: u32 = 8;
    /// The last place that a tool has.
    pub const MAX_ORDINAL: u32 = u32::MAX >> ORDINAL;
}
/// `variants`: a guard over the arguments, and the action that it takes the call as.
pub mod variant {
    /// A guard.
    pub const GUARD: usize = 0;
    /// An action with a cell.
    pub const ACTION: usize = 1;
}
/// `cells`: four runs of entries in name order, which cells share, and whether the ring takes the action at all.
pub mod cell {
    /// The first of its denies.
    pub const DENIES: usize = 0;
    /// The first of its grants.
    pub const GRANTS: usize = 1;
    /// The first of its gates.
    pub const GATES: usize = 2;
    /// The first of the rules that only say what they would do.
    pub const OBSERVED: usize = 3;
    /// How many denies in the low half, how many grants in the high one; then gates and observed rules likewise, and
    /// [`CEILING`].
    pub const COUNTS: usize = 4;
    /// In the last word: the ring's ceiling excludes the action whatever the rules say.
    pub const CEILING: u32 = 1 << 31;
    /// As many entries as a run can have.
    pub const MAX_RUN: u32 = 0x7fff;

    /// A run: its first entry, and how many. `list` is one of the four words above.
    #[inline]
    pub fn run(cell: &[u32; 6], list: usize) -> (u32, u32) {
        let first = cell.get(list).copied().unwrap_or(0);
        let counts = cell.get(COUNTS + list / 2).copied().unwrap_or(0);
        (first, counts >> (16 * (list % 2)) & MAX_RUN)
    }

    /// The words for the counts of the four runs, each at most [`MAX_RUN`].
    pub fn counts(of: [u32; 4], ceiling: bool) -> [u32; 2] {
        let [denies, grants, gates, observed] = of;
        let ceiling = if ceiling { CEILING } else { 0 };
        [denies | grants << 16, gates | observed << 16 | ceiling]
    }

    /// Whether the ring's ceiling excludes the action.
    #[inline]
    pub fn ceiling(cell: &[u32; 6]) -> bool {
        let [.., last] = cell;
        last & CEILING != 0
    }
}
/// `entries`
pub mod entry {
    /// The rule.
    pub const RULE: usize = 0;
    /// Its guard.
    pub const GUARD: usize = 1;
    /// The approval that it asks for, or `NONE`.
    pub const APPROVAL: usize = 2;
}
/// `kills`
pub mod kill {
    /// Its name.
    pub const NAME: usize = 0;
    /// Why.
    pub const REASON: usize = 1;
}
/// `approvals`
pub mod approval {
    /// The first of its requirements.
    pub const REQUIREMENTS: usize = 0;
    /// How many.
    pub const REQUIREMENT_COUNT: usize = 1;
    /// Milliseconds that people have to answer, low word first.
    pub const TIMEOUT: usize = 2;
    /// 1 if the agent's owner and the person it works for do not count.
    pub const SEPARATION: usize = 4;
    /// 0 forge, 1 signed, 2 present.
    pub const EVIDENCE: usize = 5;
}
/// `requirements`
pub mod requirement {
    /// How many people.
    pub const COUNT: usize = 0;
    /// As written, strings in `words`.
    pub const FROM: usize = 1;
    /// How many.
    pub const FROM_COUNT: usize = 2;
    /// Whom that means, people in `words`.
    pub const PEOPLE: usize = 3;
    /// How many.
    pub const PEOPLE_COUNT: usize = 4;
}
/// `programs`: Rego rules that were kept whole.
pub mod program {
    /// The rule that it decides, as `rule::NAME`.
    pub const RULE: usize = 0;
    /// Its serialised form: the first byte of `program_bytes`,
    pub const CODE: usize = 1;
    /// and how many.
    pub const CODE_LENGTH: usize = 2;
    /// Its data, JSON: the first byte of `program_bytes`,
    pub const DATA: usize = 3;
    /// and how many.
    pub const DATA_LENGTH: usize = 4;
}
/// `rules`, sorted by name: what a decision reports.
pub mod rule {
    /// `policy/rule`.
    pub const NAME: usize = 0;
    /// The reason given, or `NONE`.
    pub const REASON: usize = 1;
    /// 0 allow, 1 require_approval, 2 deny.
    pub const EFFECT: usize = 2;
    /// Its own limit: so many calls, or 0 for none,
    pub const LIMIT: usize = 3;
    /// in so many milliseconds.
    pub const LIMIT_PER: usize = 4;
    /// The path of the file that brought it.
    pub const PATH: usize = 5;
    /// The line in it, from 1.
    pub const LINE: usize = 6;
    /// The commit that brought it, or `NONE` until the trail says.
    pub const COMMIT: usize = 7;
}
