//! Codes about where a document stands.

super::codes! {
    Warning OUTSIDE_TEAMS "outside-teams";
}
