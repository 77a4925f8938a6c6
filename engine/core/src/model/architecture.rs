//! The architectures of models.

use protocol::PresetFamily;
use serde::{Deserialize, Serialize};

/// The backbone of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// BERT as published: learned positions and segments, post-norm, biases, tanh pooler (Devlin et
    /// al. 2019).
    Bert,
    /// Transformer with rotary positions, a depth-wise convolution before each block, pre-norm and
    /// `[max; mean]` pooling.
    Fast,
    /// Parallel convolutions of several widths (Kim 2014), with a feature vector per position.
    Textcnn,
    /// Mean of the embeddings (Mikolov et al. 2013, CBOW; Joulin et al. 2016 for classification).
    Mean,
}

impl From<PresetFamily> for Architecture {
    fn from(family: PresetFamily) -> Self {
        match family {
            PresetFamily::Bert | PresetFamily::Original => Self::Bert,
            PresetFamily::Fast => Self::Fast,
            PresetFamily::Textcnn => Self::Textcnn,
            PresetFamily::Mean => Self::Mean,
        }
    }
}

impl Architecture {
    /// All architectures in declaration order.
    pub const ALL: [Self; 4] = [Self::Bert, Self::Fast, Self::Textcnn, Self::Mean];
}
