// activation_grad — the cotangent of an elementwise nonlinearity.
//
//   dx[i] = dy[i] · activate'(x[i])     (kernels/lib/activation.wgsl)
//
//   x, dy, dx  f32[count]
//
// One thread per element. For relu, x may be the result instead: both are positive together.
//
// Source: derived from Hendrycks & Gimpel 2016, arXiv:1606.08415.

const WG: u32 = 256; // threads per workgroup
const KIND: u32 = 1; // 1 relu, 2 gelu, 3 quick_gelu

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i < params.count) {
    dx[i] = dy[i] * activation_slope(KIND, x[i]);
  }
}
