//! What is shown, without saying where: [`chart`] turns numbers into scenes and these into SVG, [`wording`] turns numbers into
//! figures a person reads, [`language`] says both in the present language, [`order`] sorts in little code. Pure: the page paints on a canvas and the command
//! line writes a file.

pub mod chart;
pub mod language;
pub mod order;
pub mod wording;
