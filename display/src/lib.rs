//! Presentation shared by the page and the command line: [`chart`] lays numbers out as scenes and
//! renders them as SVG, [`wording`] formats numbers, [`language`] translates messages and [`order`]
//! sorts with little generated code. Pure: the page paints the scenes on a canvas, the command line
//! writes them to files.

pub mod chart;
pub mod language;
pub mod order;
pub mod wording;
