//! The custom operations on the GPU backend: launches `shaders`' WGSL through cubecl.

use super::{AdamWSettings, DifferentiableOps, OptimizerOps};
use burn::backend::Scalar;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::{CubeCount, CubeDim, KernelId};
use cubecl::server::{KernelArguments, MetadataBindingInfo};
use shaders::{Kernel, adamw, gelu, gelu_backward, workgroups};
use std::sync::atomic::{AtomicBool, Ordering};

impl DifferentiableOps for CubeBackend {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = contiguous(x);
        let y = like(&x);
        launch(gelu::KERNEL, &[&x, &y], &gelu::Settings { n: count(&x) as u32 }, blocks(gelu::KERNEL, count(&x)));
        y
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, dy) = (contiguous(x), contiguous(dy));
        let dx = like(&x);
        let settings = gelu_backward::Settings { n: count(&x) as u32 };
        launch(gelu_backward::KERNEL, &[&x, &dy, &dx], &settings, blocks(gelu_backward::KERNEL, count(&x)));
        dx
    }
}

impl OptimizerOps for CubeBackend {
    fn adamw(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        start: usize,
        settings: AdamWSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        assert!(start == 0 && count(&g) == count(&p), "one launch moves a whole group");
        let (g, clip) = (contiguous(g), contiguous(clip));
        let [p, m, v] = [p, m, v].map(exclusive);
        launch(adamw::KERNEL, &[&clip, &p, &g, &m, &v], &settings, blocks(adamw::KERNEL, settings.n as usize));
        (p, m, v)
    }

    fn squared_norm(g: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_sum(Self::float_mul(g.clone(), g))
    }
}

/// The kernel's text under a name that cubecl can cache.
struct Source(Kernel);

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.0.wgsl)
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(self.0.name)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

static ADAPTER_IS_SOFTWARE: AtomicBool = AtomicBool::new(false);

/// Says whether the adapter emulates a GPU. A process has one adapter.
pub(crate) fn set_adapter_is_software(is: bool) {
    ADAPTER_IS_SOFTWARE.store(is, Ordering::Relaxed);
}

/// Whether the adapter emulates a GPU.
pub(super) fn adapter_is_software() -> bool {
    ADAPTER_IS_SOFTWARE.load(Ordering::Relaxed)
}

/// How many workgroups a launch takes.
pub(super) trait Groups {
    /// In three dimensions.
    fn groups(self) -> [u32; 3];
}

/// In one dimension, which becomes two where it is too long; the shared text `place.wgsl` joins them again.
impl Groups for usize {
    fn groups(self) -> [u32; 3] {
        workgroups(self)
    }
}

impl Groups for [usize; 2] {
    fn groups(self) -> [u32; 3] {
        let [x, y] = self.map(|n| u32::try_from(n).expect("a grid has fewer than 2^32 workgroups"));
        [x, y, 1]
    }
}

/// Queues `kernel` over `buffers`, in the order of its bindings, which `settings` end. The settings travel as cubecl's own
/// metadata do: it keeps the buffers of those that it has seen, where a tensor of them would cost a submit.
///
/// No two buffers may overlap: the kernels bind all of them for writing.
pub(super) fn launch(kernel: Kernel, buffers: &[&CubeTensor], settings: &impl bytemuck::Pod, groups: impl Groups) {
    let mut bytes = bytemuck::bytes_of(settings).to_vec();
    // Uniform structs are multiples of 16 bytes.
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    let info = MetadataBindingInfo::custom(bytemuck::pod_collect_to_vec(&bytes));
    let [x, y, z] = groups.groups();
    buffers[0].client.launch(
        Box::new(SourceKernel::new(Source(kernel), CubeDim::new_1d(kernel.threads))),
        CubeCount::Static(x, y, z),
        KernelArguments::new()
            .with_buffers(buffers.iter().map(|tensor| tensor.handle.clone().binding()).collect())
            .with_info(info),
    );
}

/// Workgroups of `kernel` for `n` elements at one thread each.
pub(super) fn blocks(kernel: Kernel, n: usize) -> usize {
    n.div_ceil(kernel.threads as usize)
}

/// Number of elements.
pub(super) fn count(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().num_elements()
}

/// The same elements in order, without gaps.
pub(super) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    into_contiguous(tensor)
}

/// A tensor of the shape and type of another, with whatever its memory holds.
pub(super) fn like(tensor: &CubeTensor) -> CubeTensor {
    with_shape(tensor, tensor.meta.shape().clone(), tensor.dtype)
}

/// A tensor of numbers on the device of another, with whatever its memory holds.
pub(super) fn empty<const R: usize>(on: &CubeTensor, shape: [usize; R]) -> CubeTensor {
    with_shape(on, Shape::from(shape.to_vec()), DType::F32)
}

fn with_shape(on: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    let handle = on.client.empty(shape.num_elements() * dtype.size());
    CubeTensor::new_contiguous(on.client.clone(), on.device.clone(), shape, handle, dtype)
}

/// A contiguous tensor that nobody else reads, so that a kernel may write it in place.
pub(super) fn exclusive(tensor: CubeTensor) -> CubeTensor {
    let tensor = contiguous(tensor);
    // The backend has no plain copy. Times one keeps every number but subnormals, which a device may flush to 0.
    if tensor.handle.can_mut() { tensor } else { CubeBackend::float_mul_scalar(tensor, Scalar::Float(1.0)) }
}
