//! The panels of the page: one file and one component each. A panel reads the
//! [`crate::context::AppContext`] and calls its methods; it has no state of its own beyond the
//! contents of its inputs.

mod asked;
mod attention;
mod bar_table;
mod choice;
mod clozes;
mod columns;
mod compare;
mod confidence;
mod data;
mod deferred_mount;
mod estimate;
mod evidence;
mod field;
mod file_button;
mod file_table;
mod finetune;
mod first_documents;
mod header;
mod hero;
mod label_edits;
mod label_file;
mod labels;
mod learn;
mod lesson_link;
mod loss_chart;
mod microscope;
mod notice;
mod picture;
mod presets;
mod pretrain;
mod review;
mod run_bar;
mod runs;
mod scores;
mod start;
mod sweep;
mod try_it;
mod verdict;
mod vocabulary;

pub use asked::Asked;
pub use attention::AttentionPanel;
pub use data::DataPanel;
pub use deferred_mount::{DeferredMount, MountQueue};
pub use finetune::FinetunePanel;
pub use header::Header;
pub use hero::Stage;
pub use learn::LearnPanel;
pub use notice::NoticeLine;
pub use pretrain::PretrainPanel;
pub use review::ReviewPanel;
pub use run_bar::RunBar;
pub use runs::RunsPanel;
pub use try_it::TryPanel;
