//! Names become ids, selectors become sets, ownership follows the place.

pub mod shape;
