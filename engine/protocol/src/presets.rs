//! The presets: models that can be chosen by name.

/// A model that can be chosen by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Name in flags and links.
    pub name: &'static str,
    /// The presets that it belongs to.
    pub family: PresetFamily,
    /// Number of layers.
    pub layers: usize,
    /// Size of the hidden states.
    pub hidden_size: usize,
    /// Number of attention heads, which divides the hidden size; 1 without attention.
    pub heads: usize,
}

/// Presets that differ in size only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetFamily {
    /// The architecture that learns fastest from little text.
    Fast,
    /// The sizes of BERT as published (Devlin et al. 2019; Turc et al. 2019, table 1).
    Bert,
    /// The sizes of the 2018 system: six layers of BERT.
    Original,
    /// Convolutions over words (Kim 2014).
    Textcnn,
    /// Mean of the embeddings.
    Mean,
}

impl Preset {
    /// All presets by family, smallest first.
    pub const ALL: [Self; 14] = {
        use PresetFamily::{Bert, Fast, Mean, Original, Textcnn};
        [
            Self::new("fast-nano", Fast, 1, 32, 2),
            Self::new("fast-tiny", Fast, 2, 128, 4),
            Self::new("fast-mini", Fast, 4, 256, 4),
            Self::new("fast-small", Fast, 4, 512, 8),
            Self::new("bert-tiny", Bert, 2, 128, 2),
            Self::new("bert-mini", Bert, 4, 256, 4),
            Self::new("bert-small", Bert, 4, 512, 8),
            Self::new("bert-medium", Bert, 8, 512, 8),
            Self::new("bert-base", Bert, 12, 768, 12),
            Self::new("tiny", Original, 6, 64, 8),
            Self::new("small", Original, 6, 128, 8),
            Self::new("big", Original, 6, 512, 8),
            Self::new("textcnn", Textcnn, 1, 128, 1),
            Self::new("mean", Mean, 1, 128, 1),
        ]
    };

    /// Returns the preset with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name == name)
    }

    const fn new(
        name: &'static str,
        family: PresetFamily,
        layers: usize,
        hidden_size: usize,
        heads: usize,
    ) -> Self {
        Self {
            name,
            family,
            layers,
            hidden_size,
            heads,
        }
    }
}

/// Values of `--preset`, in the order of [`Preset::ALL`].
pub const PRESET_NAMES: [&str; Preset::ALL.len()] = {
    let mut names = [""; Preset::ALL.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = Preset::ALL[place].name;
        place += 1;
    }
    names
};
