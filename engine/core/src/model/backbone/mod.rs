//! The backbones, which map token ids to hidden states. Each backbone is one file here and one
//! variant of [`Architecture`]; it defines its parameters, its forward pass to one feature vector
//! per position, and its pooling for sequence-level heads. All other code uses a backbone through
//! the [`Backbone`] trait only.

mod attention;
mod bert;
mod fast;
mod interface;
mod mean;
mod shared;
mod textcnn;

pub use attention::rotary_values;
pub use interface::{Backbone, TrainingDefaults};
pub use shared::BELOW_ALL;

use super::architecture::Architecture;

impl Architecture {
    /// Returns the implementation of this architecture.
    pub fn backbone(self) -> &'static dyn Backbone {
        match self {
            Self::Bert => &bert::Bert,
            Self::Fast => &fast::Fast,
            Self::Textcnn => &textcnn::TextCnn,
            Self::Mean => &mean::Mean,
        }
    }
}
