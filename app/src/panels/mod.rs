//! One panel per file, one component per panel. A panel reads the [`crate::lab::Lab`] and calls its verbs; it keeps no
//! state of its own beyond what its inputs hold.

mod choice;
mod compare;
mod data;
mod field;
mod file_table;
mod finetune;
mod header;
mod learn;
mod loss_chart;
mod masking;
mod notice;
mod pretrain;
mod run_bar;
mod runs;
mod scores;
mod section;
mod start;
mod try_it;
mod vocabulary;

pub use data::DataPanel;
pub use finetune::FinetunePanel;
pub use header::Header;
pub use learn::LearnPanel;
pub use notice::NoticeLine;
pub use pretrain::PretrainPanel;
pub use run_bar::RunBar;
pub use runs::RunsPanel;
pub use try_it::TryPanel;
