//! The custom operations on the GPU backend: launches `shaders`' WGSL through cubecl.

use super::{AdamWSettings, DifferentiableOps, OptimizerOps};
use burn::backend::Scalar;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::{CubeCount, CubeDim, KernelId};
use cubecl::server::{Handle, KernelArguments};
use shaders::{Kernel, WORKGROUP_SIZE, adamw, gelu, gelu_backward, workgroups};

impl DifferentiableOps for CubeBackend {
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let y = empty_like(&x);
        let n = count(&x);
        launch(gelu::KERNEL, &x, bytemuck::bytes_of(&(n as u32)), [&x.handle, &y.handle], n);
        y
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, dy) = (into_contiguous(x), into_contiguous(dy));
        let dx = empty_like(&x);
        let n = count(&x);
        let buffers = [&x.handle, &dy.handle, &dx.handle];
        launch(gelu_backward::KERNEL, &x, bytemuck::bytes_of(&(n as u32)), buffers, n);
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
        let (g, clip) = (into_contiguous(g), into_contiguous(clip));
        let [p, m, v] = [p, m, v].map(exclusive);
        let buffers = [&clip.handle, &p.handle, &g.handle, &m.handle, &v.handle];
        launch(adamw::KERNEL, &p, bytemuck::bytes_of(&settings), buffers, settings.n as usize);
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

/// Queues `kernel` with one thread per element for `n` elements; `settings` becomes binding 0, `buffers` the rest.
fn launch<const N: usize>(kernel: Kernel, on: &CubeTensor, settings: &[u8], buffers: [&Handle; N], n: usize) {
    let settings = on.client.create_from_slice(settings);
    let bindings = std::iter::once(&settings).chain(buffers).map(|handle| handle.clone().binding()).collect();
    let [x, y, z] = workgroups(n);
    on.client.launch(
        Box::new(SourceKernel::new(Source(kernel), CubeDim::new_1d(WORKGROUP_SIZE))),
        CubeCount::Static(x, y, z),
        KernelArguments::new().with_buffers(bindings),
    );
}

fn count(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().num_elements()
}

fn empty_like(tensor: &CubeTensor) -> CubeTensor {
    let handle = tensor.client.empty(count(tensor) * size_of::<f32>());
    let shape = tensor.meta.shape().clone();
    CubeTensor::new_contiguous(tensor.client.clone(), tensor.device.clone(), shape, handle, tensor.dtype)
}

/// A contiguous tensor that nobody else reads, so that a kernel may write it in place.
fn exclusive(tensor: CubeTensor) -> CubeTensor {
    let tensor = into_contiguous(tensor);
    // The backend has no plain copy. Times one keeps every number but subnormals, which a device may flush to 0.
    if tensor.handle.can_mut() { tensor } else { CubeBackend::float_mul_scalar(tensor, Scalar::Float(1.0)) }
}
