//! The custom operations on the GPU backend: launches the WGSL kernels of the `shaders` crate
//! through cubecl.

use super::{AdamWSettings, CollectedGradients, DifferentiableOps, OptimizerOps};
use burn::backend::Scalar;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::{DType, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::{CubeCount, CubeDim, KernelId};
use cubecl::server::{KernelArguments, MetadataBindingInfo};
use shaders::gradients::{self, JoinSettings, NormSettings};
use shaders::{Kernel, MAX_WORKGROUPS, adamw, gelu, gelu_backward, workgroups};
use std::sync::atomic::{AtomicBool, Ordering};

impl DifferentiableOps for CubeBackend {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = contiguous(x);
        let y = like(&x);
        launch(
            gelu::KERNEL,
            &[&x, &y],
            &gelu::Settings { n: word(count(&x)) },
            blocks(gelu::KERNEL, count(&x)),
        );
        y
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, dy) = (contiguous(x), contiguous(dy));
        let dx = like(&x);
        let settings = gelu_backward::Settings { n: word(count(&x)) };
        launch(
            gelu_backward::KERNEL,
            &[&x, &dy, &dx],
            &settings,
            blocks(gelu_backward::KERNEL, count(&x)),
        );
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
        assert!(
            start == 0 && count(&g) == count(&p),
            "one launch moves a whole group"
        );
        let (g, clip) = (contiguous(g), contiguous(clip));
        let [p, m, v] = [p, m, v].map(exclusive);
        launch(
            adamw::KERNEL,
            &[&clip, &p, &g, &m, &v],
            &settings,
            blocks(adamw::KERNEL, settings.n as usize),
        );
        (p, m, v)
    }
}

/// Input tensors of one launch of [`GradientOps::join`].
#[derive(ExtensionType)]
pub struct Pieces<B: Backend> {
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    c: FloatTensor<B>,
    d: FloatTensor<B>,
    e: FloatTensor<B>,
    f: FloatTensor<B>,
}

/// GPU-only operations on all gradients of a model.
#[backend_extension(Cube)]
pub trait GradientOps: Backend {
    /// Runs `shaders::gradients::JOIN`; returns `flat` and `squares`, which are written in place.
    fn join(
        #[extension_type] pieces: Pieces<Self>,
        flat: FloatTensor<Self>,
        squares: FloatTensor<Self>,
        settings: JoinSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Runs `shaders::gradients::NORM`; returns the norm and the clipping factor, `[1]` each.
    fn limit(
        squares: FloatTensor<Self>,
        settings: NormSettings,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl GradientOps for CubeBackend {
    fn join(
        pieces: Pieces<Self>,
        flat: CubeTensor,
        squares: CubeTensor,
        settings: JoinSettings,
    ) -> (CubeTensor, CubeTensor) {
        let Pieces { a, b, c, d, e, f } = pieces;
        let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(contiguous);
        let groups = ((settings.end - settings.begin) as usize).div_ceil(gradients::BLOCK);
        launch(
            gradients::JOIN,
            &[&a, &b, &c, &d, &e, &f, &flat, &squares],
            &settings,
            groups,
        );
        (flat, squares)
    }

    fn limit(squares: CubeTensor, settings: NormSettings) -> (CubeTensor, CubeTensor) {
        let (norm, clip) = (empty(&squares, [1]), empty(&squares, [1]));
        launch(gradients::NORM, &[&squares, &norm, &clip], &settings, 1);
        (norm, clip)
    }
}

/// See [`super::collect_gradients`].
pub(super) fn collect_gradients(
    groups: Vec<Vec<Tensor<1>>>,
    lens: &[usize],
    [clip_norm, eps]: [f64; 2],
) -> CollectedGradients {
    let launches: Vec<Vec<(JoinSettings, &[Tensor<1>])>> = groups
        .iter()
        .zip(lens)
        .map(|(g, len)| joins(g, *len))
        .collect();
    let device = groups[0][0].device();
    let blocks =
        |settings: &JoinSettings| (settings.end - settings.begin).div_ceil(gradients::BLOCK as u32);
    let total: u32 = launches
        .iter()
        .flatten()
        .map(|(settings, _)| blocks(settings))
        .sum();
    let mut squares = Tensor::<1>::empty([total as usize], &device).into_dispatch();
    let mut first_block = 0;
    let flat = launches.iter().zip(lens).map(|(launches, len)| {
        let mut flat = Tensor::<1>::empty([*len], &device).into_dispatch();
        for (settings, pieces) in launches {
            let piece = |i: usize| {
                pieces
                    .get(i)
                    .cloned()
                    .unwrap_or_else(|| Tensor::empty([1], &device))
                    .into_dispatch()
            };
            let pieces = Pieces {
                a: piece(0),
                b: piece(1),
                c: piece(2),
                d: piece(3),
                e: piece(4),
                f: piece(5),
            };
            let settings = JoinSettings {
                first_block,
                ..*settings
            };
            first_block += blocks(&settings);
            (flat, squares) = Dispatch::join(pieces, flat, squares.clone(), settings);
        }
        vec![Tensor::from_dispatch(flat)]
    });
    let flat = flat.collect();
    let settings = NormSettings {
        n: total,
        max_norm: clip_norm as f32,
        eps: eps as f32,
    };
    let (norm, clip) = Dispatch::limit(squares, settings);
    CollectedGradients {
        groups: flat,
        norm: Tensor::from_dispatch(norm),
        clip: Tensor::from_dispatch(clip),
    }
}

/// Splits copying `gradients`, `[n]` each, into one array `[len]` into launches; returns the
/// settings and the inputs of each.
fn joins(gradients: &[Tensor<1>], len: usize) -> Vec<(JoinSettings, &[Tensor<1>])> {
    let mut end = 0;
    let chunks = gradients.chunks(gradients::PIECES);
    let last = chunks.len() - 1;
    let of_chunk = |(i, pieces): (usize, &'_ [Tensor<1>])| {
        let begin = end;
        let mut ends = [0; gradients::PIECES];
        for (i, slot) in ends.iter_mut().enumerate() {
            end += pieces.get(i).map_or(0, |piece| piece.dims()[0]);
            *slot = u32::try_from(end).expect("a group has fewer than 2^32 elements");
        }
        let padded_end = if i == last {
            len as u32
        } else {
            ends[gradients::PIECES - 1]
        };
        JoinSettings {
            begin: begin as u32,
            end: padded_end,
            first_block: 0,
            ends,
        }
    };
    let settings: Vec<JoinSettings> = chunks.clone().enumerate().map(of_chunk).collect();
    settings.into_iter().zip(chunks).collect()
}

/// A kernel's WGSL source with an id for cubecl's kernel cache.
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

/// Sets whether the adapter is a software emulation, for which some kernels have a variant. The
/// setting is global, as a process uses one adapter.
pub fn set_adapter_is_software(value: bool) {
    ADAPTER_IS_SOFTWARE.store(value, Ordering::Relaxed);
}

/// Returns whether the adapter is a software emulation.
pub(super) fn adapter_is_software() -> bool {
    ADAPTER_IS_SOFTWARE.load(Ordering::Relaxed)
}

/// Number of workgroups of a launch.
pub(super) trait Groups {
    /// Returns the number of workgroups in each dimension.
    fn groups(self) -> [u32; 3];
}

/// One-dimensional launch. If it exceeds the limit it is split into two dimensions, which
/// `place.wgsl` combines again.
impl Groups for usize {
    fn groups(self) -> [u32; 3] {
        workgroups(self)
    }
}

impl Groups for [usize; 2] {
    fn groups(self) -> [u32; 3] {
        [self[0], self[1], 1].groups()
    }
}

impl Groups for [usize; 3] {
    fn groups(self) -> [u32; 3] {
        self.map(|n| {
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            assert!(
                n <= MAX_WORKGROUPS,
                "a dimension of a grid has at most {MAX_WORKGROUPS} workgroups, not {n}"
            );
            n
        })
    }
}

/// Enqueues `kernel` with `buffers` in binding order, followed by `settings` as the last binding.
/// The settings are passed as cubecl metadata, whose buffers cubecl caches; a tensor would cost a
/// queue submission per launch.
///
/// Buffers must not overlap, because the kernels bind all of them as writable.
pub(super) fn launch(
    kernel: Kernel,
    buffers: &[&CubeTensor],
    settings: &impl bytemuck::Pod,
    groups: impl Groups,
) {
    let mut bytes = bytemuck::bytes_of(settings).to_vec();
    // The size of a uniform struct is a multiple of 16 bytes.
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    let info = MetadataBindingInfo::custom(bytemuck::pod_collect_to_vec(&bytes));
    let [x, y, z] = groups.groups();
    buffers[0].client.launch(
        Box::new(SourceKernel::new(
            Source(kernel),
            CubeDim::new_1d(kernel.threads),
        )),
        CubeCount::Static(x, y, z),
        KernelArguments::new()
            .with_buffers(
                buffers
                    .iter()
                    .map(|tensor| tensor.handle.clone().binding())
                    .collect(),
            )
            .with_info(info),
    );
}

/// Returns the number of workgroups for `n` elements with one thread each.
pub(super) fn blocks(kernel: Kernel, n: usize) -> usize {
    n.div_ceil(kernel.threads as usize)
}

/// Converts a size to the `u32` that kernels take.
pub(super) fn word(size: usize) -> u32 {
    u32::try_from(size).expect("a tensor has fewer than 2^32 elements")
}

/// Returns the number of elements.
pub(super) fn count(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().num_elements()
}

/// Returns the same elements in order, without gaps.
pub(super) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    into_contiguous(tensor)
}

/// Returns an uninitialised tensor with the shape and type of `tensor`.
pub(super) fn like(tensor: &CubeTensor) -> CubeTensor {
    with_shape(tensor, tensor.meta.shape().clone(), tensor.dtype)
}

/// Returns an uninitialised f32 tensor on the device of `on`.
pub(super) fn empty<const R: usize>(on: &CubeTensor, shape: [usize; R]) -> CubeTensor {
    with_shape(on, Shape::from(shape.to_vec()), DType::F32)
}

fn with_shape(on: &CubeTensor, shape: Shape, dtype: DType) -> CubeTensor {
    let handle = on.client.empty(shape.num_elements() * dtype.size());
    CubeTensor::new_contiguous(on.client.clone(), on.device.clone(), shape, handle, dtype)
}

/// Returns a contiguous tensor with no other owner, which a kernel may write in place.
pub(super) fn exclusive(tensor: CubeTensor) -> CubeTensor {
    let tensor = contiguous(tensor);
    // The backend has no plain copy. Multiplying by 1 preserves all values except subnormals, which
    // a device may flush to 0.
    if tensor.handle.can_mut() {
        tensor
    } else {
        CubeBackend::float_mul_scalar(tensor, Scalar::Float(1.0))
    }
}

/// Returns the shape of a tensor of rank `R`.
pub(super) fn dims<const R: usize>(tensor: &CubeTensor) -> [usize; R] {
    tensor
        .meta
        .shape()
        .iter()
        .copied()
        .collect::<Vec<_>>()
        .try_into()
        .expect("a tensor of this rank")
}
