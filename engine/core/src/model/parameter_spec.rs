//! The description of one parameter: name, shape and initialisation.

/// Initialisation of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal distribution with mean 0 and this standard deviation.
    Normal(f64),
    /// All elements 0.
    Zeros,
    /// All elements 1.
    Ones,
}

/// Description of one parameter. Weight decay applies to matrices only (Devlin et al. 2019, A.2: no
/// decay of biases and LayerNorm).
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Name in `model.safetensors`.
    pub name: String,
    /// Shape as stored by Hugging Face: a linear layer is `[out, in]`.
    pub shape: Vec<usize>,
    /// Initialisation of the elements.
    pub init: Init,
    /// Number of equally shaped matrices of a block that are stacked along the rows; Muon updates
    /// each separately. 0 for all other parameters, which AdamW updates.
    pub hidden_matrices: usize,
    /// Whether it is stacked on the previous parameter of its kind (weights, biases), forming one
    /// array for `ParamTensors::stack`.
    pub continues: bool,
}

impl ParameterSpec {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the parameter has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether weight decay applies to it.
    pub fn decays(&self) -> bool {
        self.shape.len() > 1
    }

    /// Whether it consists of matrices inside a block.
    pub fn is_hidden(&self) -> bool {
        self.hidden_matrices > 0
    }

    /// Returns its matrices inside a block as a batch.
    pub(super) fn matrices(&self) -> MatrixBatch {
        let count = self.hidden_matrices;
        MatrixBatch {
            count,
            rows: self.shape[0] / count,
            columns: self.shape[1],
        }
    }
}

/// Matrices of equal shape that lie end to end in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixBatch {
    /// Number of matrices, `N`.
    pub count: usize,
    /// Rows of each matrix.
    pub rows: usize,
    /// Columns of each matrix.
    pub columns: usize,
}

impl MatrixBatch {
    /// Total number of elements.
    pub fn elements(self) -> usize {
        self.count * self.rows * self.columns
    }
}
