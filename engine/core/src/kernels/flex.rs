//! The custom operations on the CPU backend: applies the loops of the `cpu` crate to the elements
//! of tensors.

use super::gradients::NormOps;
use super::{AdamWSettings, DifferentiableOps, OptimizerOps};
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Bytes, DType, Shape};

impl DifferentiableOps for Flex {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = dense(x);
        like(&x, cpu::gelu::gelu(values(&x)))
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, dy) = (dense(x), dense(dy));
        like(&x, cpu::gelu::backward(values(&x), values(&dy)))
    }
}

impl OptimizerOps for Flex {
    fn adamw(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        start: usize,
        settings: AdamWSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (g, clip) = (dense(g), dense(clip));
        let [mut p, mut m, mut v] = [p, m, v].map(|tensor| owned(dense(tensor)));
        let range = start..start + g.layout().num_elements();
        let [p_values, m_values, v_values] =
            [&mut p, &mut m, &mut v].map(|tensor| &mut tensor.storage_mut::<f32>()[range.clone()]);
        cpu::optimizer::adamw(
            &settings,
            values(&clip)[0],
            p_values,
            values(&g),
            m_values,
            v_values,
        );
        (p, m, v)
    }
}

impl NormOps for Flex {
    fn squared_norm(g: FloatTensor<Self>) -> FloatTensor<Self> {
        let norm = cpu::optimizer::squared_norm(values(&dense(g)));
        FlexTensor::new(
            Bytes::from_elems(vec![norm]),
            Layout::contiguous(Shape::from(vec![1])),
            DType::F32,
        )
    }
}

/// Returns the tensor with contiguous elements. A contiguous slice of a larger tensor is not
/// copied.
pub(super) fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// Returns the elements of a contiguous tensor, in order.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<f32>()[start..start + tensor.layout().num_elements()]
}

/// Returns a tensor whose storage holds exactly its elements, so that writing to the storage writes
/// to the tensor.
pub(super) fn owned(tensor: FlexTensor) -> FlexTensor {
    let exact = tensor.layout().start_offset() == 0
        && tensor.storage::<f32>().len() == tensor.layout().num_elements();
    if exact {
        tensor
    } else {
        like(&tensor, values(&tensor).to_vec())
    }
}

/// Returns a tensor of the same shape with the elements `data`.
pub(super) fn like(tensor: &FlexTensor, data: Vec<f32>) -> FlexTensor {
    let layout = Layout::contiguous(tensor.layout().shape().clone());
    FlexTensor::new(Bytes::from_elems(data), layout, DType::F32)
}
