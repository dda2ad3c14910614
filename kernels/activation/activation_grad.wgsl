// activation_grad — the cotangent of an elementwise nonlinearity.
//
//   dx[i] = dy[i] · activate'(x[i])     (kernels/lib/activation.wgsl)
//
//   x, dy, dx  f32[count · VECTOR]; x or f16
//
// ITEMS Vectors per thread, WG apart, so that neighbours read neighbours.
//
// Source: derived from Hendrycks & Gimpel 2016, arXiv:1606.08415.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 16; // Vectors per thread
const KIND: u32 = 1; // 1 relu, 2 gelu, 3 quick_gelu
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;

struct Params { count: u32 /* Vectors */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read> dy: array<Vector>;
@group(0) @binding(3) var<storage, read_write> dx: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    dx[i] = dy[i] * activation_slope(KIND, Vector(x[i]));
  }
}
