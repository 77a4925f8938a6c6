//! The custom operations on the CPU backend: the loops of the crate `cpu` over the elements of tensors.

use super::{AdamWSettings, DifferentiableOps, OptimizerOps};
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Bytes, DType, Shape};

impl DifferentiableOps for Flex {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        like(&x, cpu::gelu::gelu(values(&x)))
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, dy) = (x.to_contiguous(), dy.to_contiguous());
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
        settings: AdamWSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (g, clip) = (g.to_contiguous(), clip.to_contiguous());
        let [mut p, mut m, mut v] = [p, m, v].map(|tensor| owned(tensor.to_contiguous()));
        let [p_values, m_values, v_values] = [&mut p, &mut m, &mut v].map(|tensor| tensor.storage_mut::<f32>());
        cpu::optimizer::adamw(&settings, values(&clip)[0], p_values, values(&g), m_values, v_values);
        (p, m, v)
    }

    fn squared_norm(g: FloatTensor<Self>) -> FloatTensor<Self> {
        let norm = cpu::optimizer::squared_norm(values(&g.to_contiguous()));
        FlexTensor::new(Bytes::from_elems(vec![norm]), Layout::contiguous(Shape::from(vec![1])), DType::F32)
    }
}

/// The elements of a contiguous tensor, in order.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<f32>()[start..start + tensor.layout().num_elements()]
}

/// A tensor whose storage holds exactly its elements, so that writing to the storage writes to the tensor.
pub(super) fn owned(tensor: FlexTensor) -> FlexTensor {
    let whole = tensor.layout().start_offset() == 0 && tensor.storage::<f32>().len() == tensor.layout().num_elements();
    if whole { tensor } else { like(&tensor, values(&tensor).to_vec()) }
}

/// A tensor of this shape with these elements.
pub(super) fn like(tensor: &FlexTensor, data: Vec<f32>) -> FlexTensor {
    let layout = Layout::contiguous(tensor.layout().shape().clone());
    FlexTensor::new(Bytes::from_elems(data), layout, DType::F32)
}
