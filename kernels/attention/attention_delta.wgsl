// attention_delta — what each row of attention's gradient subtracts: its mean cotangent.
//
//   delta[r] = Σ_c dy[r,c] · y[r,c]    = Σ_j p[r,j] · dp[r,j]
//
//   dy, y  f32[rows, width · VECTOR]; y or f16; rows are (batch element, query, head)
//   delta  f32[rows]
//
// One thread per row. Error: at most the row's length in units in the last place.
//
// Source: Dao et al. 2022, arXiv:2205.14135, eq. 4.

const WG: u32 = 64; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params { rows: u32, width: u32 /* Vectors of a head */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> y: array<VectorY>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * WG + thread;
  if (r >= params.rows) {
    return;
  }
  var sum = 0.0;
  for (var c = 0u; c < params.width; c++) {
    sum += vector_dot(dy[r * params.width + c], Vector(y[r * params.width + c]));
  }
  delta[r] = sum;
}
