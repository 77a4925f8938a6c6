//! Charts, from numbers to pixels: [`curve`] stores any number of points in bounded memory and
//! [`scale`] maps values to pixels. [`loss`], [`metric`], [`f1`] and [`spread`] (for a
//! [`comparison`]) each lay out one chart as a [`scene::Scene`], which [`export`] writes as SVG.

pub mod comparison;
pub mod curve;
pub mod export;
pub mod f1;
pub mod loss;
pub mod metric;
pub mod options;
pub mod scale;
pub mod scene;
pub mod spread;
