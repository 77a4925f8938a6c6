//! One panel per file, one component per panel. A panel reads the [`crate::lab::Lab`] and calls its verbs; it keeps no
//! state of its own beyond what its inputs hold.

mod attention;
mod bars;
mod choice;
mod compare;
mod data;
mod estimate;
mod field;
mod file_table;
mod finetune;
mod header;
mod labels;
mod learn;
mod loss_chart;
mod microscope;
mod notice;
mod picture;
mod presets;
mod pretrain;
mod review;
mod run_bar;
mod runs;
mod sample;
mod scores;
mod section;
mod stage;
mod start;
mod sweep;
mod tour;
mod try_it;
mod turn;
mod verdict;
mod vocabulary;

pub use attention::AttentionPanel;
pub use data::DataPanel;
pub use finetune::FinetunePanel;
pub use header::Header;
pub use learn::LearnPanel;
pub use notice::NoticeLine;
pub use pretrain::PretrainPanel;
pub use review::ReviewPanel;
pub use run_bar::RunBar;
pub use runs::RunsPanel;
pub use stage::Stage;
pub use try_it::{Asked, TryPanel};
pub use turn::{InTurn, Turns};
