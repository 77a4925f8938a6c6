//! From numbers to pixels: [`curve`] keeps any number of points in bounded memory, [`scale`] maps values to pixels, [`loss`],
//! [`metric`], [`f1`] and [`spread`] (of a [`comparison`]) lay out one chart each, as a [`scene::Scene`]; [`export`] writes it
//! as SVG.

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
